"""Rules of interactions, without any I/O."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from interactions.domain.counts import MovieCounts
from interactions.domain.entries import (
    Conditions,
    EntryChanged,
    EntryExists,
    Rating,
    WatchlistEntry,
    checked_rating,
    nearest_half,
)
from interactions.domain.ratings import ImportedRating, RatingBefore, numbered

THEN = datetime(2020, 1, 1, tzinfo=UTC)
LATER = THEN + timedelta(days=1)


def rating(value: float = 3.0, at: datetime = THEN, **more: object) -> Rating:
    return Rating(movie_id=1, rating=value, rated_at=at, updated_at=at, **more)  # pyright: ignore[reportArgumentType]


def test_the_same_words_at_another_time_are_the_same():
    assert rating(at=LATER).says_the_same_as(rating(version=7))
    assert not rating(3.5).says_the_same_as(rating(3.0))
    assert not rating(review="a").says_the_same_as(rating())
    assert not rating(has_spoilers=True).says_the_same_as(rating())


def test_a_change_keeps_the_time_it_was_made():
    changed = rating(4.0, LATER).following(rating(), version=9)
    assert (changed.rated_at, changed.updated_at, changed.version) == (THEN, LATER, 9)
    fresh = WatchlistEntry(movie_id=1, added_at=LATER).following(None, version=1)
    assert fresh.added_at == LATER


def test_an_etag_of_another_version_is_refused():
    Conditions().check(None)
    Conditions("4").check(rating(version=4).etag)
    Conditions("*").check("4")
    for etag, standing in (("3", "4"), ("3", None), ("*", None)):
        with pytest.raises(EntryChanged):
            Conditions(etag).check(standing)


def test_who_wants_to_make_an_entry_does_not_replace_one():
    Conditions(unless_etag="*").check(None)
    Conditions(unless_etag="3").check("4")
    for unless_etag in ("*", "4"):
        with pytest.raises(EntryExists):
            Conditions(unless_etag=unless_etag).check("4")


@given(st.floats())
def test_only_ten_values_are_ratings(value: float):
    if value * 2 in range(1, 11):
        assert checked_rating(value) == value
    else:
        with pytest.raises(Invalid):
            checked_rating(value)


@given(st.floats(0.5, 5.0))
def test_any_grain_ends_at_the_nearest_half(value: float):
    half = nearest_half(value, field="rating")
    assert abs(half - value) <= 0.25
    assert checked_rating(half) == half


def test_numbers_go_on_for_each_person_in_the_order_of_time():
    anna, ben = uuid.uuid4(), uuid.uuid4()
    given_ratings = [
        ImportedRating(anna, 1, 3.0, LATER),
        ImportedRating(anna, 2, 3.0, THEN),
        ImportedRating(ben, 1, 3.0, THEN),
    ]
    kept = numbered(given_ratings, {}, {anna: 10, ben: 0})
    found = {(one.imported.user_id, one.imported.movie_id): one.sequence for one in kept}
    assert found == {(anna, 2): 11, (anna, 1): 12, (ben, 1): 1}


def before(
    value: float, changed_at: datetime, *, review: str = "", deleted: bool = False
) -> RatingBefore:
    return RatingBefore(value, review, has_spoilers=False, deleted=deleted, changed_at=changed_at)


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        (before(3.0, THEN, deleted=False), False),
        (before(2.0, THEN, deleted=False), True),
        (before(2.0, LATER, deleted=False), False),
        (before(3.0, THEN, deleted=True), True),
        (before(3.0, LATER, deleted=True), False),
    ],
)
def test_the_younger_wins_and_the_same_is_no_change(there: RatingBefore, kept: bool):
    anna = uuid.uuid4()
    imported = ImportedRating(anna, 1, 3.0, LATER)
    assert bool(numbered([imported], {(anna, 1): there}, {anna: 0})) is kept


@pytest.mark.parametrize(
    ("there", "imported", "left"),
    [
        # A younger rating without words keeps the words there are.
        (before(2.0, THEN, review="old"), (3.0, LATER, ""), (3.0, "old")),
        (before(2.0, THEN, review="old"), (3.0, LATER, "new"), (3.0, "new")),
        # An older review fills a gap, and replaces nothing.
        (before(2.0, LATER), (3.0, THEN, "late"), (2.0, "late")),
        (before(2.0, LATER, review="here"), (3.0, THEN, "late"), None),
    ],
)
def test_a_review_goes_with_the_younger_rating_or_fills_a_gap(there, imported, left):
    rating, at, review = imported
    after = there.after(ImportedRating(uuid.uuid4(), 1, rating, at, review=review))
    assert (after and (after.rating, after.review)) == left


def test_a_rating_of_unknown_time_only_fills_a_gap():
    undated = ImportedRating(uuid.uuid4(), 1, 3.0, LATER, dated=False)
    assert before(2.0, THEN).after(undated) is None
    assert before(2.0, THEN, deleted=True).after(undated) is None


def test_rows_about_one_movie_become_its_last_rating_with_its_last_review():
    anna = uuid.uuid4()
    rows = [
        ImportedRating(anna, 1, 3.0, THEN, review="liked it"),
        ImportedRating(anna, 1, 4.0, LATER),
    ]
    (kept,) = numbered(rows, {}, {anna: 0})
    assert (kept.imported.rating, kept.imported.review) == (4.0, "liked it")


def test_differences_add_up():
    assert MovieCounts(1, 4.0, 0, 1, 0) + MovieCounts(-1, -4.0, 2, -1, 0) == MovieCounts(
        favorites_count=2
    )
