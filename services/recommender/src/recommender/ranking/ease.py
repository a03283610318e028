"""EASE (Steck 2019): the closed-form linear model of item to item, on a head of the movies."""

import numpy as np
import scipy.linalg as la

from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, positions_of, spread
from recommender.ranking.signals import Taste

(_SPOTRI,) = la.get_lapack_funcs(("potri",), dtype=np.float32)
HEAD = 10_000
# Above this many cells the user-side factor costs more to score with than a row of B per rating.
FACTOR_CELLS = 12_000_000


def train_ease(matrix: Sparse, *, regularization: float, head: int = HEAD) -> Arrays:
    """From users x movies to arrays; B_ij = -P_ij / P_jj with P = (X'X + l I)^-1.

    With few users, P comes from the user side (Woodbury) and B is kept as factors F (r x h):
    B_ij = F_i . F_j scale_j. Else B itself is kept, (h x h).
    """
    movies = _head(matrix, head)
    held = matrix[:, movies]
    held = held[np.flatnonzero(np.diff(held.indptr))]
    people, width = held.shape
    if people < width and people * width <= FACTOR_CELLS:
        factors, scale = _by_users(held, regularization)
        return {"ease.movies": movies, "ease.factors": factors, "ease.scale": scale}
    return {"ease.movies": movies, "ease.weights": _by_movies(held, regularization)}


def _head(matrix: Sparse, head: int) -> Ints:
    counts = np.diff(matrix.tocsc().indptr)
    order = np.lexsort((np.arange(len(counts)), -counts))[:head]
    return np.sort(order[counts[order] > 0]).astype(np.int64)


def _by_users(held: Sparse, regularization: float) -> tuple[Floats, Floats]:
    gram = (held @ held.T).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += regularization
    lower = la.cholesky(gram, lower=True, overwrite_a=True)
    dense = held.toarray().astype(np.float64)
    factors = la.solve_triangular(lower, dense, lower=True, overwrite_b=True)
    scale = 1.0 / np.maximum(1.0 - np.square(factors).sum(axis=0), 1e-6)
    return factors.astype(np.float32), scale.astype(np.float32)


def _by_movies(held: Sparse, regularization: float) -> Floats:
    gram = (held.T @ held).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += regularization
    lower, _ = la.cho_factor(gram, lower=True, overwrite_a=True)
    inverse, _ = _SPOTRI(lower, lower=1, overwrite_c=1)
    weights = np.asarray(inverse)
    diagonal = np.diag(weights).copy()
    _mirror_lower(weights)
    weights /= -diagonal[None, :]
    np.fill_diagonal(weights, 0.0)
    return np.ascontiguousarray(weights, np.float32)


def _mirror_lower(matrix: Floats, block: int = 1024) -> None:
    for start in range(0, len(matrix), block):
        end = min(start + block, len(matrix))
        matrix[start:end, end:] = matrix[end:, start:end].T
        corner = matrix[start:end, start:end]
        matrix[start:end, start:end] = np.tril(corner) + np.tril(corner, -1).T


class Ease:
    """Scores by EASE; movies outside the head score zero."""

    def __init__(self, arrays: Arrays, size: int) -> None:
        self._size = size
        self._movies = arrays["ease.movies"]
        self._place = positions_of(self._movies, size)
        self._arrays = arrays
        self._weights = arrays.get("ease.weights")

    def scores(self, taste: Taste) -> Floats:
        places = self._place[taste.movies]
        mine, weights = places[places >= 0], taste.weights[places >= 0]
        if not len(mine):
            return np.zeros(self._size, np.float32)
        if self._weights is not None:
            head = weights @ self._weights[mine]
        else:
            factors, scale = self._by_users()
            head = np.asarray(((factors[:, mine] @ weights) @ factors) * scale, np.float32)
        return spread(head, self._movies, self._size)

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        mine, theirs = self._place[taste.movies], self._place[movies]
        known = (mine >= 0)[:, None] & (theirs >= 0)[None, :]
        if self._weights is not None:
            block = self._weights[np.ix_(mine, theirs)]
        else:
            factors, scale = self._by_users()
            block = (factors[:, mine].T @ factors[:, theirs]) * scale[theirs]
        return np.where(known, block * taste.weights[:, None], 0.0).astype(np.float32)

    def _by_users(self) -> tuple[Floats, Floats]:
        return self._arrays["ease.factors"], self._arrays["ease.scale"]
