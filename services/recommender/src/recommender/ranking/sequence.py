"""What people turn to soon before or after a movie: counts of neighbours in time."""

from collections.abc import Sequence

import numpy as np

from recommender.ranking.arrays import (
    Arrays,
    Columns,
    Floats,
    Ints,
    Sparse,
    all_combined,
    altered,
    block_of,
    columns_of,
    csr,
    pack_sparse,
    unpack_sparse,
)
from recommender.ranking.signals import Taste

WINDOW = 6
DECAY = 0.85
NEIGHBOURS = 60
# A movie met this many times more than it was: rare ones do not lead by chance.
SHRINK = 3.0
HALF_LIFE_MOVIES = 3.0
# What came before the latest movies counts this much beside what came after them.
BACKWARD = 0.5


def train_sequence(
    people: Ints, movies: Ints, weights: Floats, at: np.ndarray, size: int
) -> Arrays:
    """Movies x movies CSR: how often the column came within WINDOW places after the row.

    Each pair counts DECAY^(distance - 1) times the weight of the movie that came after, over the
    root of how often both were met; the NEIGHBOURS largest a row are kept, and of the transpose.
    """
    order = np.lexsort((np.arange(len(people)), at, people))
    order = order[_ordered(people[order], at[order])]
    people, movies, weights = people[order], movies[order], weights[order]
    shape = (size, size)
    pairs = csr([], [], [], shape)
    # One distance at a time: millions of pairs are held once.
    for distance in range(1, WINDOW + 1):
        same = people[distance:] == people[:-distance]
        values = np.float32(DECAY ** (distance - 1)) * weights[distance:][same]
        pairs += csr(values, movies[:-distance][same], movies[distance:][same], shape)
    scale = (np.bincount(movies, minlength=size) + SHRINK).astype(np.float32) ** -0.5
    pairs.data *= np.repeat(scale, np.diff(pairs.indptr)) * scale[pairs.indices]
    return {
        **pack_sparse("sequence.after", largest(pairs, NEIGHBOURS)),
        **pack_sparse("sequence.before", largest(pairs.T.tocsr(), NEIGHBOURS)),
    }


def _ordered(people: Ints, at: np.ndarray) -> np.ndarray:
    """The entries (by person, then time) of people whose times are known and tell an order."""
    if not len(people):
        return np.empty(0, bool)
    known = np.isfinite(at)
    _, starts, where = np.unique(people, return_index=True, return_inverse=True)
    first = np.minimum.reduceat(np.where(known, at, np.inf), starts)
    last = np.maximum.reduceat(np.where(known, at, -np.inf), starts)
    return known & (last > first)[where]


def largest(matrix: Sparse, count: int) -> Sparse:
    """The `count` largest values of each row; of equal ones those further to the left."""
    sizes = np.diff(matrix.indptr)
    kept = np.repeat(sizes <= count, sizes)
    for row in np.flatnonzero(sizes > count):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        kept[start + np.argsort(-matrix.data[start:end], kind="stable")[:count]] = True
    rows = np.repeat(np.arange(matrix.shape[0]), sizes)[kept]
    return csr(matrix.data[kept], rows, matrix.indices[kept], matrix.shape)


class InTime:
    """Scores by neighbours in time: of the whole history, or chiefly of the latest movies."""

    def __init__(self, arrays: Arrays, *, latest: bool) -> None:
        self._after = unpack_sparse("sequence.after", arrays)
        self._before = unpack_sparse("sequence.before", arrays)
        self._among: Columns | None = None
        self._latest = latest

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        return np.stack([self._of(taste) for taste in tastes])

    def _of(self, taste: Taste) -> Floats:
        weights = self._weights(taste)
        told = np.flatnonzero(weights)
        after, before = weights[told], np.float32(self._share) * weights[told]
        both = ((self._after, after), (self._before, before))
        return all_combined(both, taste.movies[told], self._among)

    def among(self, places: Ints) -> "InTime":
        return altered(self, _among=columns_of(places, self._after.shape[1]))

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        after = block_of(self._after, taste.movies, movies)
        before = block_of(self._before, taste.movies, movies)
        return ((after + self._share * before) * self._weights(taste)[:, None]).astype(np.float32)

    @property
    def _share(self) -> float:
        return BACKWARD if self._latest else 1.0

    def _weights(self, taste: Taste) -> Floats:
        if not self._latest:
            return taste.weights
        fading = np.exp2(-taste.later / HALF_LIFE_MOVIES)
        # Beyond ten half-lives nothing is left to be told.
        fading[fading < 1e-3] = 0.0
        return taste.weights * np.nan_to_num(fading).astype(np.float32)
