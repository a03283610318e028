"""Likeness of what movies are: TF-IDF over all terms, and over genres alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommender.ranking.arrays import (
    Floats,
    Ints,
    Sparse,
    add_scaled,
    altered,
    block_of,
    columns_at,
    combined,
    csr,
    rows_within,
    unit_rows,
)
from recommender.ranking.signals import Taste

FAVORITE_GENRE_WEIGHT = 1.0
# Up to which share of the movies have the terms of each class but the last; of the first classes
# the index tells which movies those are.
CLASSES = (0.00025, 0.0008, 0.0025, 0.01, 0.033, 0.1)
TOLD_CLASSES = 4
# Rows are of length one, but for rounding.
LONGEST = 1.0 + 1e-5
# How many of the index's entries may be looked at for one taste.
MOST_ENTRIES = 25_000


class Content:
    """Sum over the taste of weight x cosine of TF-IDF rows (n x t, unit length)."""

    def __init__(self, rows: Sparse) -> None:
        self._rows = self._scored = rows
        self._columns: Sparse = None
        self._index: _Index | None = None

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        profiles = np.stack([self.asked(taste) for taste in tastes])
        terms = np.flatnonzero(profiles.any(axis=0))
        if self._columns is None:
            self._columns = self._scored.T.tocsr()
        return np.asarray((self._columns[terms].T @ profiles[:, terms].T).T, np.float32)

    def asked(self, taste: Taste) -> Floats:
        """(t,) what each term weighs."""
        return combined(self._rows, taste.movies, taste.weights)

    def of(self, asked: Floats, places: Ints | slice) -> Floats:
        if isinstance(places, slice):
            return np.asarray(rows_within(self._scored, places) @ asked, np.float32)
        return np.asarray(self._scored[places] @ asked, np.float32)

    def lengths(self, places: slice) -> float:  # noqa: ARG002 - all alike
        """How long these movies' rows are at most."""
        return LONGEST

    def at_most(self, asked: Floats, places: slice) -> Floats:
        """What the scores at these places are not above. Terms that few movies have as they are, as
        many classes as are soon looked at. What a class adds beyond is bounded by the lengths of
        both (Cauchy & Schwarz) or by the largest of the one and the sum of the other (Hoelder),
        whichever is less of most movies."""
        index = self._index
        if index is None:
            return self.of(asked, places)
        told = np.flatnonzero(asked)
        values, classes = asked[told], index.classes[told]
        entries = np.cumsum(np.bincount(classes, index.frequency[told], len(CLASSES) + 1))
        exact = int(np.searchsorted(entries[:TOLD_CLASSES], MOST_ENTRIES, side="right"))
        chosen = classes < exact
        bound = combined(index.told, told[chosen], values[chosen])
        for number in range(exact, len(CLASSES) + 1):
            mine = values[classes == number]
            if len(mine):
                norms = np.array([np.linalg.norm(mine), np.abs(mine).max()])
                which = int(np.argmin(norms * index.means[number]))
                add_scaled(bound, float(norms[which]), index.norms[number, which])
        return bound[places]

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        terms = columns_at(self._rows, movies)
        mine, theirs = (block_of(self._rows, some, terms) for some in (taste.movies, movies))
        return mine @ theirs.T * taste.weights[:, None]

    def among(self, places: Ints) -> "Content":
        return altered(self, _scored=self._rows[places], _columns=None, _index=None)

    def indexed(self) -> "Content":
        """The same, ready to be asked often for what scores are not above."""
        return altered(self, _index=_index(self._scored))


class _Index(NamedTuple):
    """Of t terms: how many movies have each and which class each is of (t,), and which movies have
    those of the TOLD_CLASSES (t x n CSR). Of c classes: how long a movie's row is over the terms of
    each, and its sum (c x 2 x n), and the means of both (c x 2)."""

    frequency: Ints
    classes: Ints
    told: Sparse
    norms: Floats
    means: Floats


def _index(rows: Sparse) -> _Index:
    count, terms = rows.shape
    frequency = np.bincount(rows.indices, minlength=terms)
    classes = np.searchsorted(np.array(CLASSES) * count, frequency)
    movies, of = np.repeat(np.arange(count), np.diff(rows.indptr)), classes[rows.indices]
    norms = np.zeros((len(CLASSES) + 1, 2, count), np.float32)
    for number, (lengths, sums) in enumerate(norms):
        mine = of == number
        lengths[:] = np.sqrt(np.bincount(movies[mine], rows.data[mine] ** 2, minlength=count))
        sums[:] = np.bincount(movies[mine], np.abs(rows.data[mine]), minlength=count)
    told = of < TOLD_CLASSES
    index = csr(rows.data[told], rows.indices[told], movies[told], (terms, count))
    return _Index(frequency, classes, index, norms, norms.mean(axis=2))


class Genres:
    """Cosine-like fit of a movie's genres to the person's: favorites and those of the taste."""

    def __init__(self, genres: Sparse, genre_ids: Ints) -> None:
        self._rows = unit_rows(genres)
        self._ids = genre_ids
        # Few sets of genres are all there are, however many movies.
        self._sets, self._all_sets_of = _distinct(self._rows)
        self._set_of = self._all_sets_of

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        profiles = np.stack([self.profile(taste) for taste in tastes])
        # Clipped, since no place is out of bounds: to look for such takes half as long again.
        return np.take(profiles @ self._sets.T, self._set_of, axis=1, mode="clip")

    def among(self, places: Ints) -> "Genres":
        return altered(self, _set_of=self._all_sets_of[places])

    def profile(self, taste: Taste) -> Floats:
        """(g,) what each genre weighs: the taste's mean plus the chosen favorites."""
        total = float(np.abs(taste.weights).sum())
        profile = np.zeros(len(self._ids), np.float32)
        if total > 0:
            profile += combined(self._rows, taste.movies, taste.weights) / np.float32(total)
        profile += FAVORITE_GENRE_WEIGHT * np.isin(self._ids, taste.genres)
        return profile

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        """By how much each score falls when the mean is taken without a movie of the taste."""
        sizes = np.abs(taste.weights)
        total = float(sizes.sum())
        mine, theirs = (self._sets[self._all_sets_of[some]] for some in (taste.movies, movies))
        fits = mine @ theirs.T * taste.weights[:, None]
        whole = fits.sum(axis=0)
        rest = (total - sizes)[:, None]
        without = np.divide(whole - fits, rest, out=np.zeros_like(fits), where=rest > 1e-6)
        return (whole / max(total, 1e-9) - without).astype(np.float32)

    def __len__(self) -> int:
        return len(self._ids)

    def likeness(self, movies: Ints) -> Floats:
        """(m x m) cosines of the movies' genres."""
        mine = self._sets[self._all_sets_of[movies]]
        return mine @ mine.T

    def chosen(self, taste: Taste, movies: Ints) -> Floats:
        """(len(movies),) what the favorite genres add to each movie's score."""
        favorites = FAVORITE_GENRE_WEIGHT * np.isin(self._ids, taste.genres)
        return np.asarray(self._sets[self._all_sets_of[movies]] @ favorites, np.float32)

    def of(self, movie: int) -> Ints:
        """The ids of a movie's genres."""
        start, end = self._rows.indptr[movie : movie + 2]
        return self._ids[self._rows.indices[start:end]]


def _distinct(rows: Sparse) -> tuple[Floats, Ints]:
    """(s x g) the different rows there are, dense, and (n,) which of them each row is."""
    # Different rows have different sums of these.
    keys = rows @ np.random.default_rng(1).random(rows.shape[1])
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first].toarray().astype(np.float32), which.astype(np.intp)
