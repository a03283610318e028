"""The promise every ranker keeps, and the two simplest: popularity and recent popularity."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from recommender.ranking.arrays import Arrays, Floats, Ints, altered, positions_of
from recommender.ranking.signals import Taste

TREND_DAYS = 14.0
TREND_MOMENTS = 48
DAY_SECONDS = 86_400.0


class Ranker(Protocol):
    """One view of how well each of the n movies suits a person."""

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        """(b, n) higher suits better; all equal when this view knows nothing of the person."""
        ...

    def contributions(self, taste: Taste, movies: Ints) -> Floats | None:
        """(len(taste), len(movies)): what each movie of the taste adds; None: not from movies."""
        ...

    def among(self, places: Ints) -> "Ranker":
        """This view of the movies at these places alone: scores (b, len(places)) in their order."""
        ...


class Popularity:
    """ln(1 + how many people had something to do with the movie), the same for everyone."""

    def __init__(self, counts: Floats) -> None:
        self._scores = np.log1p(np.maximum(counts, 0.0)).astype(np.float32)

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        return np.broadcast_to(self._scores, (len(tastes), len(self._scores)))

    def contributions(self, taste: Taste, movies: Ints) -> Floats | None:  # noqa: ARG002 - as above
        return None

    def among(self, places: Ints) -> "Popularity":
        return altered(self, _scores=self._scores[places])


def train_trend(movies: Ints, weights: Floats, at: np.ndarray, size: int) -> Arrays:
    """Decayed sums (TREND_DAYS) of the movies' weights at evenly filled moments.

    moments (m,), values (m x h), movies (h,), first (size,): when each movie was first met.
    """
    known = ~np.isnan(at)
    met, weights, at = movies[known], weights[known], at[known]
    first = np.full(size, np.inf)
    np.minimum.at(first, met, at)
    head = np.unique(met)
    order = np.argsort(at, kind="stable")
    met, weights, at = np.searchsorted(head, met[order]), weights[order], at[order]
    cuts = np.unique(np.linspace(0, len(at), TREND_MOMENTS + 1).astype(int))[1:]
    values = np.zeros((len(cuts), len(head)), np.float32)
    moments = at[cuts - 1] if len(cuts) else np.empty(0)
    running = np.zeros(len(head))
    start, clock = 0, moments[0] if len(cuts) else 0.0
    for row, (end, moment) in enumerate(zip(cuts, moments, strict=True)):
        running *= _decay(moment - clock)
        worth = weights[start:end] * _decay(moment - at[start:end])
        running += np.bincount(met[start:end], worth, minlength=len(head))
        values[row], start, clock = running, end, moment
    return {
        "trend.moments": moments,
        "trend.values": values,
        "trend.movies": head,
        "trend.first": first,
    }


def trend_of_now(recent: Floats) -> Arrays:
    """What train_trend makes, from decayed counts (n,) as they are now, with nothing before."""
    return {
        "trend.moments": np.zeros(1),
        "trend.values": recent[None, :].astype(np.float32),
        "trend.movies": np.arange(len(recent)),
        "trend.first": np.full(len(recent), np.inf),
    }


def _decay(seconds: np.ndarray | float) -> np.ndarray:
    return np.exp(-np.asarray(seconds) / (TREND_DAYS * DAY_SECONDS))


class Trend:
    """ln(1 + time-decayed sum of weights) as it stood at the moment of the taste, not later."""

    def __init__(self, arrays: Arrays, size: int) -> None:
        self._moments = arrays["trend.moments"]
        self._values = np.log1p(arrays["trend.values"])
        self._movies = arrays["trend.movies"]
        self._size = size

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        if not len(self._moments):
            return np.zeros((len(tastes), self._size), np.float32)
        moments = [self._moment(taste.at) for taste in tastes]
        # Of one there is no need for a copy.
        one = slice(moments[0], moments[0] + 1)
        values = self._values[one if len(moments) == 1 else moments]
        if len(self._movies) == self._size:
            return values
        scores = np.zeros((len(tastes), self._size), np.float32)
        scores[:, self._movies] = values
        return scores

    def _moment(self, at: float) -> int:
        if np.isnan(at):
            return len(self._moments) - 1
        return max(int(np.searchsorted(self._moments, at, side="right")) - 1, 0)

    def contributions(self, taste: Taste, movies: Ints) -> Floats | None:  # noqa: ARG002 - as above
        return None

    def among(self, places: Ints) -> "Trend":
        dense = len(self._movies) == self._size
        columns = places if dense else positions_of(self._movies, self._size)[places]
        held = np.flatnonzero(columns >= 0)
        values = self._values[:, columns[held]]
        return altered(self, _values=values, _movies=held, _size=len(places))


class Unmet:
    """-1 for movies that nobody had met yet at the moment of the taste, though some did later."""

    def __init__(self, arrays: Arrays, size: int) -> None:
        self._first = arrays["trend.first"]
        self._last = float(arrays["trend.moments"][-1]) if len(arrays["trend.moments"]) else 0.0
        self._size = size

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        scores = np.zeros((len(tastes), self._size), np.float32)
        for row, taste in zip(scores, tastes, strict=True):
            if taste.at < self._last:
                row[(self._first > taste.at) & np.isfinite(self._first)] = -1.0
        return scores

    def contributions(self, taste: Taste, movies: Ints) -> Floats | None:  # noqa: ARG002 - as above
        return None

    def among(self, places: Ints) -> "Unmet":
        return altered(self, _first=self._first[places], _size=len(places))
