"""Values, rules and refusals of recommending; standard library only."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from uuid import UUID

from chassis.errors import Conflict, Invalid, NotFound

LIST_LENGTH = 200
# A UUIDv7 goes on after the calendar's end.
_LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
DEFAULT_DIVERSITY = 0.3
EPOCH = date(1970, 1, 1)
# Fewer held-out people than this tell nothing.
FEWEST_JUDGES = 8
# Below so many held-out people a loss of a tenth may be nothing but chance.
ENOUGH_JUDGES = 50
_RESAMPLES, _SEED = 1_000, 7
# An explored place goes to one of so many of the best that are left, to each alike.
EXPLORED_AMONG = 50


class Kind(IntEnum):
    """What a person can do to a movie; the numbers are stored and those of ranking.signals."""

    RATING = 0
    FAVORITE = 1
    WATCHLIST = 2
    HIDDEN = 3


@dataclass(frozen=True)
class Change:
    """The state of one interaction after the write that `sequence` counts."""

    user_id: UUID
    movie_id: int
    kind: Kind
    sequence: int
    occurred_at: datetime
    deleted: bool = False
    rating: float | None = None


@dataclass(frozen=True)
class Preferences:
    """How a person wants to be recommended to; version 0: nobody has told us yet."""

    version: int = 0
    include_adult_content: bool = False
    preferred_language: str = "en"
    enable_collaborative_filtering: bool = True
    enable_content_based_filtering: bool = True
    recommendation_diversity: float = DEFAULT_DIVERSITY
    favorite_genre_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Filter:
    """What a list may hold; None and empty keep everything."""

    genre_ids: tuple[int, ...] = ()
    year: int | None = None
    released_after: date | None = None
    released_before: date | None = None
    min_rating: float | None = None
    min_votes: int | None = None
    language: str = ""
    min_runtime: int | None = None
    max_runtime: int | None = None
    person_ids: tuple[int, ...] = ()
    keyword_ids: tuple[int, ...] = ()
    include_adult: bool | None = None
    exclude_movie_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reason:
    """Why a movie is on a list; kind as the contract names it."""

    kind: str
    movie_ids: tuple[int, ...] = ()
    genre_ids: tuple[int, ...] = ()
    person_ids: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Offer:
    """One movie on a list."""

    recommendation_id: UUID
    movie_id: int
    recommendation_type: str
    score: float
    position: int
    reason: Reason
    # Of standing there, given what stands before; None where nothing was left to chance.
    probability: float | None = None


@dataclass(frozen=True)
class Page:
    """Part of a list as it was answered."""

    list_id: UUID
    user_id: UUID
    recommendation_type: str
    model_version: str
    degraded: bool
    generated_at: datetime
    served_at: datetime
    offers: tuple[Offer, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Movie:
    """What the replica keeps of a movie."""

    movie_id: int
    version: int
    title: str
    original_language: str = ""
    release_date: date | None = None
    genre_ids: tuple[int, ...] = ()
    keyword_ids: tuple[int, ...] = ()
    person_ids: tuple[int, ...] = ()
    terms: tuple[str, ...] = ()
    popularity: float = 0.0
    vote_average: float = 0.0
    vote_count: int = 0
    runtime_minutes: int = 0
    adult: bool = False


@dataclass(frozen=True)
class Admin:
    """Who does something of which the audit log is to know, from where and when."""

    user_id: UUID
    address: str
    """Truncated; empty when unknown."""
    acted_at: datetime


class RecommendationNotFound(NotFound):
    """Nothing was recommended to this person under that id."""


class MovieNotFound(NotFound):
    """The catalogue's replica has no such movie."""


class ModelNotFound(NotFound):
    """There is no model of that version."""


class ModelUnusable(Conflict):
    """A model whose training has not ended, or whose artefacts are gone, cannot go live."""


class TrainingNotFound(NotFound):
    """There is no training of that id."""


def advanced(
    sequence: int, ahead: Iterable[int], applied: Iterable[int]
) -> tuple[int, tuple[int, ...]]:
    """The last sequence without a gap before it, and those applied beyond the first gap."""
    beyond = {number for number in (*ahead, *applied) if number > sequence}
    while sequence + 1 in beyond:
        sequence += 1
        beyond.discard(sequence)
    return sequence, tuple(sorted(beyond))


def is_no_worse(candidate: Sequence[float], live: Sequence[float]) -> bool:
    """Whether a candidate may replace the live model: the same people's quality, side by side.

    A handful of people decides nothing. It may not when it is worse beyond what the choice of
    people explains (paired bootstrap, 95%), nor when it loses more than a tenth among enough
    people for a tenth to mean something.
    """
    gains = [new - old for new, old in zip(candidate, live, strict=True)]
    if len(gains) < FEWEST_JUDGES:
        return True
    if gain_interval(gains)[1] < 0:
        return False
    return len(gains) < ENOUGH_JUDGES or sum(gains) >= -0.1 * sum(live)


def gain_interval(gains: Sequence[float]) -> tuple[float, float]:
    """Where the mean gain lies with 95% certainty, by resampling people (Efron 1979)."""
    chance, size = random.Random(_SEED), len(gains)  # noqa: S311 - nothing is secret here
    means = sorted(sum(chance.choices(gains, k=size)) / size for _ in range(_RESAMPLES))
    outside = round(0.025 * _RESAMPLES)
    return means[outside], means[-1 - outside]


@dataclass(frozen=True)
class Exploration:
    """How often a place of a list goes to another movie than the best, for what can be learnt."""

    share: float = 0.0
    chance: random.Random = field(default_factory=random.Random)

    def order(self, count: int) -> tuple[list[int], list[float]]:
        """The best first but for what chance brings forward, and how probable each was in its
        place given those before it; no probabilities where nothing is left to chance."""
        left = list(range(count))
        if self.share <= 0:
            return left, []
        order: list[int] = []
        probabilities: list[float] = []
        while left:
            among = min(len(left), EXPLORED_AMONG)
            drawn = self.chance.randrange(among) if self.chance.random() < self.share else 0
            probabilities.append(self.share / among + (0.0 if drawn else 1.0 - self.share))
            order.append(left.pop(drawn))
        return order, probabilities


def months_ahead(now: datetime, count: int) -> list[tuple[date, date]]:
    """This month and `count` more, each as its first day and the next month's."""
    months: list[tuple[date, date]] = []
    start = date(now.year, now.month, 1)
    for _ in range(count + 1):
        end = (start + timedelta(days=32)).replace(day=1)
        months.append((start, end))
        start = end
    return months


def minted_at(identifier: UUID) -> datetime:
    """The moment a UUIDv7 was made; anything else is refused as malformed."""
    seconds = (identifier.int >> 80) / 1000
    if identifier.version != 7 or seconds > _LAST_MOMENT:
        raise RecommendationNotFound("no such recommendation")
    return datetime.fromtimestamp(seconds, tz=UTC)


def parse_date(text: str, *, name: str) -> date | None:
    """An ISO 8601 date, None for empty."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("must be a date, YYYY-MM-DD", field=name) from error


def sentence(reason: Reason, titles: Mapping[int, str], genres: Mapping[int, str]) -> str:
    """One sentence of a reason in English."""
    named = [titles[movie] for movie in reason.movie_ids if movie in titles]
    movies, are = _enumerated(named), "is" if len(named) == 1 else "are"
    names = _enumerated([genres[genre] for genre in reason.genre_ids if genre in genres])
    if reason.kind == "because_you_rated" and movies:
        return f"Because you liked {movies}"
    if reason.kind == "because_you_favorited" and movies:
        return f"Because {movies} {are} among your favorites"
    if reason.kind == "because_on_watchlist" and movies:
        return f"Because {movies} {are} on your watchlist"
    if reason.kind == "genre" and names:
        return f"Because you like {names}"
    if reason.kind == "trending":
        return "Many people are watching this now"
    if reason.kind == "new":
        return "Few have seen it yet"
    return "Liked by many"


def _enumerated(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
