"""What a person can do with a movie, and what they may not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from chassis.errors import Invalid, NotFound, Stale, Unavailable

LOWEST_RATING = 0.5
HIGHEST_RATING = 5.0
RATING_VALUES = tuple(halves / 2 for halves in range(1, 11))
HIDING_REASONS = ("", "seen", "not_now", "never")

REVIEW_LENGTH = 10_000
NOTE_LENGTH = 500
MOVIE_STATES_AT_ONCE = 100
MOVIE_STATS_AT_ONCE = 500
IMPORTED_RATINGS_AT_ONCE = 500


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


@dataclass(frozen=True)
class ImportedRating:
    """A rating given elsewhere, at its own time."""

    user_id: UUID
    movie_id: int
    rating: float
    rated_at: datetime
    review: str = ""
    has_spoilers: bool = False
    dated: bool = True
    """Whether `rated_at` is known; else it is the present, and the rating only fills a gap."""


@dataclass(frozen=True)
class RatingBefore:
    """What stands where an imported rating wants to go."""

    rating: float
    review: str
    has_spoilers: bool
    deleted: bool
    changed_at: datetime

    def after(self, imported: ImportedRating) -> ImportedRating | None:
        """What is to stand there; None when it stands already.

        A younger rating, or a younger wish to have none, wins. A review is kept beside a younger
        rating that came without one, and also fills a gap from before it.
        """
        younger = imported.dated and imported.rated_at > self.changed_at
        if self.deleted:
            return imported if younger else None
        reviewed = bool(imported.review) and (younger or not self.review)
        wanted = replace(
            imported,
            rating=imported.rating if younger else self.rating,
            review=imported.review if reviewed else self.review,
            has_spoilers=imported.has_spoilers if reviewed else self.has_spoilers,
            rated_at=imported.rated_at if younger else self.changed_at,
        )
        same = wanted.rating == self.rating and wanted.review == self.review
        return None if same else wanted


@dataclass(frozen=True)
class NumberedRating:
    """An imported rating with its place in its owner's sequence, and what it replaces."""

    imported: ImportedRating
    sequence: int
    previous_rating: float
    had_review: bool


@dataclass(frozen=True)
class InteractionStats:
    """A person's interactions in numbers."""

    favorites_count: int
    watchlist_count: int
    hidden_count: int
    ratings: Sequence[Any]
    """rating, ratings_count, reviews_count of each value given."""
    genres: Sequence[Any]
    """genre_id, movies_count, average_rating, most first."""


@dataclass(frozen=True)
class MovieCounts:
    """How people here treat a movie, or by how much that changed."""

    ratings_count: int = 0
    ratings_sum: float = 0.0
    favorites_count: int = 0
    reviews_count: int = 0
    watchlist_count: int = 0

    def __add__(self, other: "MovieCounts") -> "MovieCounts":
        return MovieCounts(
            self.ratings_count + other.ratings_count,
            self.ratings_sum + other.ratings_sum,
            self.favorites_count + other.favorites_count,
            self.reviews_count + other.reviews_count,
            self.watchlist_count + other.watchlist_count,
        )


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


def numbered(
    ratings: list[ImportedRating],
    before: Mapping[tuple[UUID, int], RatingBefore],
    sequences: Mapping[UUID, int],
) -> list[NumberedRating]:
    """Those that change something, each with the next number of its owner, oldest first."""
    last = dict(sequences)
    kept: list[NumberedRating] = []
    for rating in sorted(_youngest(ratings), key=lambda one: (one.rated_at, one.movie_id)):
        found = before.get((rating.user_id, rating.movie_id))
        wanted = rating if found is None else found.after(rating)
        if wanted is None:
            continue
        last[rating.user_id] += 1
        live = found if found is not None and not found.deleted else None
        kept.append(
            NumberedRating(
                imported=wanted,
                sequence=last[rating.user_id],
                previous_rating=live.rating if live else 0.0,
                had_review=bool(live and live.review),
            )
        )
    return kept


def _youngest(ratings: list[ImportedRating]) -> list[ImportedRating]:
    """One for each person and movie: the last given, with the last review there is."""
    found: dict[tuple[UUID, int], ImportedRating] = {}
    for rating in sorted(ratings, key=lambda one: one.rated_at):
        key = rating.user_id, rating.movie_id
        before = found.get(key)
        if before is not None and before.review and not rating.review:
            rating = replace(rating, review=before.review, has_spoilers=before.has_spoilers)
        found[key] = rating
    return list(found.values())
