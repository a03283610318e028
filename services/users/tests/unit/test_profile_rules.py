"""What a profile may say, and who sees it."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chassis.errors import Invalid
from users.domain.countries import COUNTRIES
from users.domain.etags import EtagMismatch, check_etag, etag
from users.domain.profiles import (
    Card,
    checked_country,
    checked_diversity,
    checked_genre_ids,
    checked_language,
)

CARD = Card(
    user_id=uuid4(), username="ada", display_name="", bio="", country="", visibility="public",
    followers_count=0, following_count=0, is_followed=False, is_following=False,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


def test_there_are_249_countries():
    assert len(COUNTRIES) == 249
    assert checked_country("NZ") == "NZ"
    assert checked_country("") == ""
    for wrong in ("nz", "XX", "NZL"):
        with pytest.raises(Invalid):
            checked_country(wrong)


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_a_language_may_have_a_country(language):
    assert checked_language(language) == language


@pytest.mark.parametrize("language", ["", "e", "EN", "eng", "en-us", "en-XX", "en_US", "en\n"])
def test_other_spellings_are_no_language(language):
    with pytest.raises(Invalid):
        checked_language(language)


@pytest.mark.parametrize("diversity", [-0.01, 1.01, float("nan"), float("inf")])
def test_diversity_is_between_nothing_and_everything(diversity):
    with pytest.raises(Invalid):
        checked_diversity(diversity)


@pytest.mark.parametrize("genre_ids", [[0], [-1], [2**31], [1, 1], list(range(1, 22))])
def test_genres_are_few_different_ids(genre_ids):
    with pytest.raises(Invalid):
        checked_genre_ids(genre_ids)


def test_a_private_profile_is_its_owners_alone():
    card = replace(CARD, visibility="private", is_followed=True, is_following=True)
    assert card.visible_to(card.user_id)
    assert not card.visible_to(uuid4())
    assert not card.visible_to(None)


def test_a_profile_for_friends_needs_both_to_follow():
    card = replace(CARD, visibility="friends", is_followed=True)
    assert not card.visible_to(uuid4())
    assert replace(card, is_following=True).visible_to(uuid4())
    assert card.followable_by(uuid4())


def test_somebody_private_is_found_only_by_whom_they_follow():
    card = replace(CARD, visibility="private")
    assert not card.followable_by(uuid4())
    assert replace(card, is_following=True).followable_by(uuid4())


def test_an_etag_of_another_version_is_stale():
    check_etag("", 3)
    check_etag(etag(3), 3)
    with pytest.raises(EtagMismatch):
        check_etag(etag(2), 3)
