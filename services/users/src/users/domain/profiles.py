"""What a person tells about themselves, how they want to be treated, and who may see it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self, cast
from uuid import UUID

from chassis.errors import Conflict, Invalid, NotFound
from users.domain.countries import COUNTRIES

Visibility = Literal["public", "friends", "private"]
Tracking = Literal["full", "anonymous", "off"]

LONGEST_DISPLAY_NAME = 80
LONGEST_BIO = 1000
MOST_FAVORITE_GENRES = 20
_LARGEST_GENRE_ID = 2**31 - 1
_LANGUAGE = re.compile(r"([a-z]{2})(?:-([A-Z]{2}))?")


class ProfileNotFound(NotFound):
    """There is no such person, or none that the caller may see."""


class OneselfFollowed(Conflict):
    """Nobody follows themselves."""


@dataclass(frozen=True)
class Profile:
    """What a person tells about themselves."""

    user_id: UUID
    display_name: str
    bio: str
    country: str
    favorite_genre_ids: tuple[int, ...]
    version: int
    updated_at: datetime


@dataclass(frozen=True)
class Preferences:
    """How a person wants to be treated."""

    user_id: UUID
    email_notifications: bool
    recommendation_emails: bool
    include_adult_content: bool
    preferred_language: str
    enable_collaborative_filtering: bool
    enable_content_based_filtering: bool
    recommendation_diversity: float
    profile_visibility: Visibility
    activity_tracking: Tracking
    stored_since: datetime | None
    """Since when tracking has not been off without a break; None where it never was."""
    named_since: datetime | None
    """Since when tracking has been full without a break; None where it always was."""
    version: int
    """Grows with each change of preferences or of favorite genres, which count for taste too."""
    updated_at: datetime

    def changed(self, changes: Mapping[str, Any], at: datetime) -> Self:
        """With these changes; what is consented to from now on is not for what was done before."""
        after = replace(self, **changes)
        before, tracking = self.activity_tracking, after.activity_tracking
        if before == "off" and tracking != "off":
            after = replace(after, stored_since=at)
        if before != "full" and tracking == "full":
            after = replace(after, named_since=at)
        return after


@dataclass(frozen=True)
class Consent:
    """Which activity a person lets be stored; the moments as in Preferences."""

    user_id: UUID
    activity_tracking: Tracking
    stored_since: datetime | None
    named_since: datetime | None


@dataclass(frozen=True)
class Card:
    """Somebody as others may come to see them."""

    user_id: UUID
    username: str
    display_name: str
    bio: str
    country: str
    visibility: Visibility
    followers_count: int
    following_count: int
    is_followed: bool
    """Does the viewer follow them."""
    is_following: bool
    """Do they follow the viewer."""
    created_at: datetime

    @property
    def is_friend(self) -> bool:
        """Friends are those who follow each other."""
        return self.is_followed and self.is_following

    def visible_to(self, viewer_id: UUID | None) -> bool:
        """Everybody sees a public profile, friends one for friends, oneself one's own."""
        if viewer_id == self.user_id or self.visibility == "public":
            return True
        return self.visibility == "friends" and self.is_friend

    def followable_by(self, viewer_id: UUID) -> bool:
        """Friendship begins before one sees the other: a private profile alone cannot be found,
        unless they know each other by a follow."""
        acquainted = self.is_followed or self.is_following
        return self.visibility != "private" or acquainted or self.visible_to(viewer_id)


@dataclass(frozen=True)
class Follow:
    """One end of a follow, as the other end sees it."""

    user_id: UUID
    username: str
    display_name: str
    """Empty where the other end may not see the profile."""
    is_friend: bool
    followed_at: datetime


def checked_country(country: str) -> str:
    """An assigned ISO 3166-1 alpha-2 code, or empty."""
    if country and country not in COUNTRIES:
        raise Invalid("must be an ISO 3166-1 alpha-2 code", field="country")
    return country


def checked_genre_ids(genre_ids: Sequence[int]) -> tuple[int, ...]:
    """A few different genres, in the person's order."""
    if len(genre_ids) > MOST_FAVORITE_GENRES:
        raise Invalid(
            f"must name at most {MOST_FAVORITE_GENRES} genres", field="favorite_genre_ids"
        )
    for position, genre_id in enumerate(genre_ids):
        if not 0 < genre_id <= _LARGEST_GENRE_ID:
            raise Invalid("must be a genre id", field=f"favorite_genre_ids.{position}")
    if len(set(genre_ids)) < len(genre_ids):
        raise Invalid("must not name a genre twice", field="favorite_genre_ids")
    return tuple(genre_ids)


def checked_language(language: str) -> str:
    """A language, optionally of a country: en, pt-BR."""
    match = _LANGUAGE.fullmatch(language)
    if match is None or (match[2] and match[2] not in COUNTRIES):
        raise Invalid(
            "must be an ISO 639-1 code, optionally with a country: en, pt-BR",
            field="preferred_language",
        )
    return language


def checked_diversity(diversity: float) -> float:
    """0.0 to 1.0; NaN is neither."""
    if not 0.0 <= diversity <= 1.0:
        raise Invalid("must be between 0.0 and 1.0", field="recommendation_diversity")
    return diversity


def checked_visibility(visibility: str) -> Visibility:
    """Who may see the profile."""
    if visibility not in {"public", "friends", "private"}:
        raise Invalid("must be public, friends or private", field="profile_visibility")
    return cast("Visibility", visibility)


def checked_tracking(tracking: str) -> Tracking:
    """Which activity may be stored."""
    if tracking not in {"full", "anonymous", "off"}:
        raise Invalid("must be full, anonymous or off", field="activity_tracking")
    return cast("Tracking", tracking)
