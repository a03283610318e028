"""From what a person did to how much each movie tells about their taste."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import scipy.sparse as sp

from recommender.ranking.arrays import Floats, Ints, Mask, Sparse


class Kind(IntEnum):
    """What a person can do to a movie."""

    RATING = 0
    FAVORITE = 1
    WATCHLIST = 2
    HIDDEN = 3


@dataclass(frozen=True)
class Signals:
    """Parallel, one entry an interaction; rating is nan where there is none, at in seconds."""

    movies: Ints
    kinds: Ints
    ratings: Floats
    at: np.ndarray

    def __len__(self) -> int:
        return len(self.movies)


@dataclass(frozen=True)
class Taste:
    """A person at a moment: movies (positions in the model), signed weights, and all they had.

    `at` is the moment the list is made, nan when nobody knows; `later` how many of the movies came
    after each, nan where nobody knows when it came.
    """

    movies: Ints
    weights: Floats
    seen: Ints
    at: float
    genres: Ints
    later: Floats

    def __len__(self) -> int:
        return len(self.movies)


# By kind: a rating of which only the fact is known, a favorite, a watchlist entry, a hidden movie.
FIXED_WEIGHTS = (1.0, 1.0, 0.4, 0.0)
_FIXED = np.array(FIXED_WEIGHTS, np.float32)
GRADE_FROM, GRADE_SPAN, LEAST_GRADE = 1.5, 3.0, 0.05
RECENCY_HALF_LIFE_SECONDS = 365 * 86_400.0
RECENCY_SHARE = 0.25
LOW_RATING = 2.0
# Weak: also of what people rate low, they rate much of its kind high.
LOW_WEIGHT = -0.05


def graded(ratings: Floats) -> Floats:
    """clip((rating - 1.5) / 3, 0.05, 1): the training weight of an explicit rating."""
    grades = (ratings - GRADE_FROM) / GRADE_SPAN
    return np.minimum(np.maximum(grades, LEAST_GRADE), 1.0).astype(np.float32)


def training_weights(signals: Signals) -> Floats:
    """The weight of each interaction for training; 0 for hidden movies."""
    weights = _FIXED[signals.kinds]
    grades = graded(signals.ratings)
    np.copyto(weights, grades, where=(signals.kinds == Kind.RATING) & ~np.isnan(grades))
    return weights


def taste_weights(signals: Signals) -> Floats:
    """As training_weights, but a low rating is negative: it pushes similar movies away."""
    weights = training_weights(signals)
    weights[(signals.kinds == Kind.RATING) & (signals.ratings < LOW_RATING)] = LOW_WEIGHT
    return weights


def taste_of(signals: Signals, *, at: float, genres: Ints | None = None) -> Taste:
    """One weight a movie (its rating decides, else the strongest signal), fading with age."""
    weights = taste_weights(signals) * _freshness(signals.at, at)
    rated = signals.kinds == Kind.RATING
    order = np.lexsort((np.abs(weights), rated, signals.movies))
    movies = signals.movies[order]
    last = np.append(movies[1:] != movies[:-1], True) if len(movies) else np.empty(0, bool)
    seen, kept, hidden = movies[last], order[last], signals.kinds == Kind.HIDDEN
    if hidden.any():
        kept = kept[~np.isin(seen, signals.movies[hidden])]
    return Taste(
        movies=signals.movies[kept],
        weights=weights[kept].astype(np.float32),
        seen=seen,
        at=at,
        genres=genres if genres is not None else np.empty(0, np.int64),
        later=_later(signals.at[kept], kept),
    )


def _later(at: np.ndarray, places: Ints) -> Floats:
    """How many came later; of one moment, those are later that stand later."""
    order = np.lexsort((places, at))
    later = np.empty(len(at), np.float32)
    later[order] = np.arange(len(at) - 1, -1, -1)
    # nan sorts last, so as many seem to be later as there are moments unknown.
    unknown = np.isnan(at)
    later -= np.count_nonzero(unknown)
    later[unknown] = np.nan
    return later


def _freshness(ats: np.ndarray, now: float) -> Floats:
    if np.isnan(now):
        return np.ones(len(ats), np.float32)
    # Of what nobody knows when it was, fmax says that it is new.
    age = np.fmax(now - ats, 0.0)
    fading = 0.5 ** (age / RECENCY_HALF_LIFE_SECONDS)
    return (1.0 - RECENCY_SHARE + RECENCY_SHARE * fading).astype(np.float32)


def known_to(signals: Signals, positions: Ints) -> Signals:
    """The signals whose movie has a position (>= 0), with that position as the movie."""
    mask: Mask = positions >= 0
    return Signals(positions[mask], signals.kinds[mask], signals.ratings[mask], signals.at[mask])


def as_rows(tastes: Sequence[Taste], weights: Sequence[Floats], size: int) -> Sparse:
    """(b x size) CSR: each taste's movies with these weights."""
    ends = np.cumsum([0, *(len(taste) for taste in tastes)])
    parts = (np.concatenate(weights), np.concatenate([taste.movies for taste in tastes]), ends)
    return sp.csr_matrix(parts, shape=(len(tastes), size))
