"""Implicit ALS (Hu, Koren & Volinsky 2008), folded in toward the mean user, and new movies."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, altered
from recommender.ranking.signals import Taste

FACTORS = 64
ALPHA = 10.0
REGULARIZATION = 0.05
ITERATIONS = 12
# How strongly a short history is held at the mean user.
PRIOR = 1.0
CONTENT_REGULARIZATION = 3.0


def train_als(matrix: Sparse, *, seed: int, threads: int, factors: int = FACTORS) -> Arrays:
    """Movie factors (n x d), the mean user (d,) and the Gram matrix of the factors (d x d)."""
    width = max(1, min(factors, min(matrix.shape) - 1))
    # implicit runs its own threads: BLAS with threads of its own would only get in their way.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=width,
            regularization=REGULARIZATION,
            alpha=ALPHA,
            iterations=ITERATIONS,
            num_threads=threads,
            random_state=seed,
        )
        model.fit(sp.csr_matrix(matrix, dtype=np.float32), show_progress=False)
    factor = np.nan_to_num(np.asarray(model.item_factors, np.float32))
    return {
        "als.factors": factor,
        "als.mean": np.nan_to_num(np.asarray(model.user_factors, np.float32)).mean(axis=0),
        "als.gram": factor.T @ factor,
    }


def train_projection(factors: Floats, content: Sparse, met: Ints) -> Arrays:
    """Ridge regression from content (n x t) to the factors of met movies: (t x d) and (d,)."""
    ridge = Ridge(alpha=CONTENT_REGULARIZATION, solver="sparse_cg", max_iter=50, tol=1e-3)
    ridge.fit(content[met], factors[met])
    weights = np.asarray(ridge.coef_, np.float32).reshape(factors.shape[1], content.shape[1])
    start = np.broadcast_to(np.asarray(ridge.intercept_, np.float32), (factors.shape[1],))
    return {"als.projection": np.ascontiguousarray(weights.T), "als.start": np.array(start)}


def projected(arrays: Arrays, content: Sparse) -> Floats:
    """Factors of movies nobody met, from their content; zero for one nothing is known of."""
    known = (np.diff(content.indptr) > 0)[:, None]
    factors = np.asarray(content @ arrays["als.projection"], np.float32)
    factors += arrays["als.start"]
    factors *= known
    return factors


class Als:
    """Scores by the factors of a user who is solved for at request time."""

    def __init__(self, arrays: Arrays) -> None:
        self._factors = self._scored = arrays["als.factors"]
        self._mean = arrays["als.mean"].astype(np.float64)
        self._gram = arrays["als.gram"].astype(np.float64)

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        return np.stack([self._user(taste) for taste in tastes]) @ self._scored.T

    def among(self, places: Ints) -> "Als":
        return altered(self, _scored=self._factors[places])

    def _user(self, taste: Taste) -> Floats:
        system, target = self._system(taste)
        return np.linalg.solve(system, target.sum(axis=0) + PRIOR * self._mean).astype(np.float32)

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        system, target = self._system(taste)
        pulls = np.linalg.solve(system, target.T)
        return (self._factors[movies] @ pulls).T.astype(np.float32)

    def _system(self, taste: Taste) -> tuple[np.ndarray, np.ndarray]:
        mine = self._factors[taste.movies].astype(np.float64)
        confidence = ALPHA * np.abs(taste.weights.astype(np.float64))
        wanted = np.where(taste.weights > 0, 1.0 + confidence, 0.0)
        system = self._gram + (mine.T * confidence) @ mine + PRIOR * np.eye(len(self._mean))
        return system, mine * wanted[:, None]
