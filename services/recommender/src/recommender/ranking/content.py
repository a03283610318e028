"""Likeness of what movies are: TF-IDF over all terms, and over genres alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommender.ranking.arrays import (
    Floats,
    Ints,
    Sparse,
    altered,
    combined,
    first_rows,
    unit_rows,
)
from recommender.ranking.signals import Taste

FAVORITE_GENRE_WEIGHT = 1.0
# A term that more than this share of the movies have is a common one.
COMMON_SHARE = 0.01


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
            return np.asarray(first_rows(self._scored, places.stop) @ asked, np.float32)
        return np.asarray(self._scored[places] @ asked, np.float32)

    def at_most(self, asked: Floats) -> Floats:
        """Rare terms as they are; what common ones add is bounded by the lengths of both (Cauchy &
        Schwarz)."""
        if self._index is None:
            self._index = _index(self._scored)
        told = np.flatnonzero(asked)
        often = np.float32(np.linalg.norm(asked[self._index.common]))
        bound = combined(self._index.rare, told, asked[told])
        bound += often * self._index.lengths
        return bound

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        block = (self._rows[taste.movies] @ self._rows[movies].T).toarray()
        return (block * taste.weights[:, None]).astype(np.float32)

    def among(self, places: Ints) -> "Content":
        return altered(self, _scored=self._rows[places], _columns=None, _index=None)


class _Index(NamedTuple):
    """Where each rare term is (t x n CSR, rows of common terms empty), which terms are common
    (t,), and how long each movie's row is over those (n,)."""

    rare: Sparse
    common: Ints
    lengths: Floats


def _index(rows: Sparse) -> _Index:
    frequency = np.bincount(rows.indices, minlength=rows.shape[1])
    common = frequency > max(COMMON_SHARE * rows.shape[0], 1)
    rare, often = rows.copy(), rows.copy()
    rare.data = np.where(common[rows.indices], 0.0, rows.data)
    often.data = rows.data - rare.data
    rare.eliminate_zeros()
    lengths = np.sqrt(np.asarray(often.multiply(often).sum(axis=1)).ravel())
    return _Index(rare.T.tocsr(), np.flatnonzero(common), lengths.astype(np.float32))


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
        return np.take(profiles @ self._sets.T, self._set_of, axis=1)

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
        fits = (self._rows[taste.movies] @ self._rows[movies].T).toarray() * taste.weights[:, None]
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
        return np.asarray(self._rows[movies] @ favorites, np.float32)

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
