"""Likeness of what movies are: TF-IDF over all terms, and over genres alone."""

from collections.abc import Sequence

import numpy as np

from recommender.ranking.arrays import Floats, Ints, Sparse, altered, unit_rows
from recommender.ranking.signals import Taste, as_rows

FAVORITE_GENRE_WEIGHT = 1.0


class Content:
    """Sum over the taste of weight x cosine of TF-IDF rows (n x t, unit length)."""

    def __init__(self, rows: Sparse) -> None:
        self._rows = rows
        self._columns: Sparse = None

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        weights = [taste.weights for taste in tastes]
        profiles = (as_rows(tastes, weights, self._rows.shape[0]) @ self._rows).toarray()
        terms = np.flatnonzero(profiles.any(axis=0))
        if self._columns is None:
            self._columns = self._rows.T.tocsr()
        return np.asarray((self._columns[terms].T @ profiles[:, terms].T).T, np.float32)

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        block = (self._rows[taste.movies] @ self._rows[movies].T).toarray()
        return (block * taste.weights[:, None]).astype(np.float32)

    def among(self, places: Ints) -> "Content":
        return altered(self, _columns=self._rows[places].T.tocsr())


class Genres:
    """Cosine-like fit of a movie's genres to the person's: favorites and those of the taste."""

    def __init__(self, genres: Sparse, genre_ids: Ints) -> None:
        self._rows = self._scored = unit_rows(genres)
        self._ids = genre_ids

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        profiles = np.stack([self.profile(taste) for taste in tastes])
        return np.asarray((self._scored @ profiles.T).T, np.float32)

    def among(self, places: Ints) -> "Genres":
        return altered(self, _scored=self._rows[places])

    def profile(self, taste: Taste) -> Floats:
        """(g,) what each genre weighs: the taste's mean plus the chosen favorites."""
        total = float(np.abs(taste.weights).sum())
        profile = np.zeros(len(self._ids), np.float32)
        if total > 0:
            profile += np.asarray(self._rows[taste.movies].T @ taste.weights).ravel() / total
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
        rows = self._rows[movies]
        return (rows @ rows.T).toarray()

    def chosen(self, taste: Taste, movies: Ints) -> Floats:
        """(len(movies),) what the favorite genres add to each movie's score."""
        favorites = FAVORITE_GENRE_WEIGHT * np.isin(self._ids, taste.genres)
        return np.asarray(self._rows[movies] @ favorites, np.float32)

    def of(self, movie: int) -> Ints:
        """The ids of a movie's genres."""
        start, end = self._rows.indptr[movie : movie + 2]
        return self._ids[self._rows.indices[start:end]]
