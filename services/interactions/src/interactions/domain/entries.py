"""One person's mark on one movie: what it may say, and when it may be written."""

import math
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import ClassVar, Generic, Self, TypeVar

from chassis.errors import Invalid, NotFound, Stale, Unavailable

LOWEST_RATING = 0.5

HIGHEST_RATING = 5.0

RATING_VALUES = tuple(halves / 2 for halves in range(1, 11))

HIDING_REASONS = ("", "seen", "not_now", "never")

REVIEW_LENGTH = 10_000

NOTE_LENGTH = 500


class MovieNotFound(NotFound):
    """Nobody knows the movie, or it has left the catalogue."""


class RatingNotFound(NotFound):
    """The caller has not rated the movie."""


class EntryChanged(Stale):
    """The entry is no longer the one the caller has seen, or not there any more."""


class EntryExists(Stale):
    """The entry is there already, and the caller wanted to be the one who makes it."""


class TooManyWritesAtOnce(Unavailable):
    """One person wrote so much at once that this write found no gap."""


@dataclass(frozen=True)
class Movie:
    """What this service keeps of a movie, for titles and genres."""

    movie_id: int
    title: str
    genre_ids: tuple[int, ...] = ()
    release_date: date | None = None
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """One person's mark on one movie; `version` is the person's sequence at its last change."""

    kind: ClassVar[str]
    moments: ClassVar[tuple[str, ...]]
    """Fields that say when, the first of them when it was made; none is part of what it says."""

    movie_id: int
    version: int = 0

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    def says_the_same_as(self, other: Self) -> bool:
        """Whether writing this over `other` would change nothing."""
        times = {moment: getattr(other, moment) for moment in self.moments}
        return replace(self, version=other.version, **times) == other

    def following(self, before: Self | None, *, version: int) -> Self:
        """This one as it is kept in the place of `before`: made when that one was made."""
        made = self.moments[0]
        return replace(self, version=version, **{made: getattr(before or self, made)})


@dataclass(frozen=True, kw_only=True)
class Favorite(Interaction):
    """A movie somebody loves."""

    kind = "favorite"
    moments = ("favorited_at",)
    favorited_at: datetime


@dataclass(frozen=True, kw_only=True)
class Rating(Interaction):
    """How good somebody found a movie, perhaps with a review."""

    kind = "rating"
    moments = ("rated_at", "updated_at")
    rating: float
    review: str = ""
    has_spoilers: bool = False
    rated_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class WatchlistEntry(Interaction):
    """A movie somebody wants to see."""

    kind = "watchlist_entry"
    moments = ("added_at",)
    note: str = ""
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class HiddenMovie(Interaction):
    """A movie somebody does not want to be offered."""

    kind = "hidden_movie"
    moments = ("hidden_at",)
    reason: str = ""
    hidden_at: datetime


InteractionT = TypeVar("InteractionT", bound=Interaction)


@dataclass(frozen=True)
class Standing(Generic[InteractionT]):
    """Where a person stands with a movie before a write."""

    sequence: int
    movie_removed: bool | None
    """None while the movie is not known here."""
    entry: InteractionT | None


@dataclass(frozen=True)
class Kept(Generic[InteractionT]):
    """What a write left behind."""

    entry: InteractionT
    created: bool
    sequence: int


@dataclass(frozen=True)
class TakenBack:
    """What taking back left behind."""

    removed: bool
    sequence: int


def checked_movie_id(movie_id: int, *, field: str = "movie_id") -> int:
    """A TMDb id is a positive number."""
    if movie_id <= 0:
        raise Invalid("must be a positive number", field=field)
    return movie_id


def checked_rating(rating: float) -> float:
    """One of 0.5, 1.0, ... 5.0."""
    if rating not in RATING_VALUES:
        raise Invalid("must be one of 0.5, 1.0, 1.5, ... 5.0", field="rating")
    return rating


def nearest_half(rating: float, *, field: str) -> float:
    """A rating of another scale's grain, to the nearest half; half way goes up."""
    if not LOWEST_RATING <= rating <= HIGHEST_RATING:
        raise Invalid("must be between 0.5 and 5.0", field=field)
    return math.floor(rating * 2 + 0.5) / 2


def checked_reason(reason: str) -> str:
    """Why a movie is hidden, if the person says so."""
    if reason not in HIDING_REASONS:
        raise Invalid("must be seen, not_now, never or empty", field="reason")
    return reason


@dataclass(frozen=True)
class Conditions:
    """What a write expects of what stands there; `*` is any version, empty is no expectation."""

    etag: str = ""
    unless_etag: str = ""

    def check(self, standing: str | None) -> None:
        """Refuse a write that was decided upon another version; None when nothing is there."""
        if self.etag and (standing is None or self.etag not in ("*", standing)):
            raise EntryChanged("it has changed since it was read, or is not there")
        if standing is not None and self.unless_etag in ("*", standing):
            raise EntryExists("it is there already")


ANY = Conditions()
