"""Implicit ALS (Hu, Koren & Volinsky 2008), folded in toward the mean user, and new movies."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, altered
from recommender.ranking.signals import Taste

(_POSV,) = la.get_lapack_funcs(("posv",), dtype=np.float64)
FACTORS = 64
ALPHA = 4.0
# Times the largest singular value of as many interactions thrown about at random: what is weaker
# than chance is not learnt. A short history is held at the mean user as firmly.
REGULARIZATION = 1.1
ITERATIONS = 12
# After how many iterations to look whether more have helped, and by what share they must. Looking
# sooner stops sooner, but what few ratings need is learnt late (of the usual 12, 2% of NDCG went).
LOOKS = (ITERATIONS, 16, 20, 24)
LEAST_GAIN = 0.01
CONTENT_REGULARIZATION = 30.0


def train_als(
    matrix: Sparse,
    *,
    seed: int,
    threads: int,
    firmness: float = REGULARIZATION,
    iterations: int = ITERATIONS,
) -> Arrays:
    """Movie factors (n x d), the mean user (d,), the Gram matrix of the factors (d x d) and how
    firmly (1,) a user is held at the mean.
    """
    made = als_on_its_way(
        matrix, seed=seed, threads=threads, firmness=firmness, looks=(iterations,)
    )
    return next(made)


def als_on_its_way(
    matrix: Sparse, *, seed: int, threads: int, firmness: float, looks: Sequence[int]
) -> Iterator[Arrays]:
    """What train_als makes after each of these numbers of iterations, which ascend."""
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415 - training's alone

    held = firmness * _noise(matrix)
    rows = sp.csr_matrix(matrix, dtype=np.float32)
    model: Any = None
    for before, look in pairwise((0, *looks)):
        # implicit runs its own threads: BLAS with threads of its own would only get in their way.
        with threadpool_limits(1, "blas"):
            model = model or AlternatingLeastSquares(
                factors=max(1, min(FACTORS, min(matrix.shape) - 1)),
                regularization=held,
                alpha=ALPHA,
                num_threads=threads,
                random_state=seed,
            )
            model.iterations = look - before
            model.fit(rows, show_progress=False)
        factor = np.nan_to_num(np.asarray(model.item_factors, np.float32))
        yield {
            "als.factors": factor,
            "als.mean": np.nan_to_num(np.asarray(model.user_factors, np.float32)).mean(axis=0),
            "als.gram": factor.T @ factor,
            "als.prior": np.array([held], np.float32),
        }


def enough_iterations(
    found: Callable[[Arrays], float], made: Iterable[Arrays], looks: Sequence[int]
) -> int:
    """The last look that found more than the one before by a share of LEAST_GAIN: no look after
    the first that does not is made, nor what it would look at."""
    best, chosen = -np.inf, looks[0]
    for look, arrays in zip(looks, made, strict=False):
        quality = found(arrays)
        if quality <= best * (1.0 + LEAST_GAIN):
            break
        best, chosen = quality, look
    return chosen


def _noise(matrix: Sparse) -> float:
    """Root of the interactions a person, plus root of those a movie (Marchenko & Pastur 1967)."""
    by_person, by_movie = np.diff(matrix.tocsr().indptr), np.diff(matrix.tocsc().indptr)
    each = [matrix.nnz / max(np.count_nonzero(counts), 1) for counts in (by_person, by_movie)]
    return float(np.sqrt(each).sum())


def train_projection(factors: Floats, content: Sparse, met: Ints) -> Arrays:
    """Ridge regression from content (n x t) to the factors of met movies: (t + 1 x d) and (d,).

    Every term counts alike, and how many there are: much is told of what many turn to.
    """
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - 1 s to import; training's alone

    ridge = Ridge(alpha=CONTENT_REGULARIZATION, solver="sparse_cg", max_iter=50, tol=1e-3)
    features = _features(content)
    ridge.fit(features[met], factors[met])
    weights = np.asarray(ridge.coef_, np.float32).reshape(factors.shape[1], features.shape[1])
    start = np.broadcast_to(np.asarray(ridge.intercept_, np.float32), (factors.shape[1],))
    return {"als.projection": np.ascontiguousarray(weights.T), "als.start": np.array(start)}


def projected(arrays: Arrays, content: Sparse) -> Floats:
    """Factors of movies nobody met, from their content; zero for one nothing is known of."""
    known = (np.diff(content.indptr) > 0)[:, None]
    factors = np.asarray(_features(content) @ arrays["als.projection"], np.float32)
    factors += arrays["als.start"]
    factors *= known
    return factors


def _features(content: Sparse) -> Sparse:
    """(n x t + 1) which terms a movie has, and ln(1 + how many)."""
    has = content.copy()
    has.data = np.ones_like(has.data)
    many = np.log1p(np.diff(content.indptr)).astype(np.float32)
    return sp.hstack([has, sp.csr_matrix(many[:, None])]).tocsr()


class Als:
    """Scores by the factors of a user who is solved for at request time."""

    def __init__(self, arrays: Arrays) -> None:
        self._factors = self._scored = arrays["als.factors"]
        self._lengths: Floats | None = None
        self._mean = arrays["als.mean"].astype(np.float64)
        self._prior = float(arrays["als.prior"][0])
        self._start = arrays["als.gram"] + self._prior * np.eye(len(self._mean))

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        return np.stack([self.asked(taste) for taste in tastes]) @ self._scored.T

    def among(self, places: Ints) -> "Als":
        return altered(self, _scored=self._factors[places], _lengths=None)

    def asked(self, taste: Taste) -> Floats:
        """(d,) the user's factors."""
        system, mine, wanted = self._system(taste)
        # Symmetric and positive: half the work of any system.
        _, factors, failed = _POSV(system, self._target(mine, wanted), lower=1, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError("the system of a user's factors is not positive")
        return factors.astype(np.float32)

    def of(self, asked: Floats, places: Ints | slice) -> Floats:
        return self._scored[places] @ asked

    def lengths(self, places: slice) -> Floats:
        """How long these movies' factors are."""
        lengths = self._lengths
        if lengths is None:
            lengths = self._lengths = np.linalg.norm(self._scored, axis=1)
        return lengths[places]

    def at_most(self, asked: Floats, places: slice) -> Floats:
        """What the scores at these places are not above (Cauchy & Schwarz)."""
        return self.lengths(places) * np.float32(np.linalg.norm(asked))

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        """By how much each score falls when one movie of the taste is taken away and the user is
        solved for anew (Sherman & Morrison 1950)."""
        system, mine, wanted = self._system(taste)
        both = np.column_stack([mine.T, self._target(mine, wanted)])
        pulls, user = np.split(np.linalg.solve(system, both), [len(mine)], axis=1)
        confidence = ALPHA * np.abs(taste.weights.astype(np.float64))
        own = (mine * pulls.T).sum(axis=1)
        without = (mine @ user[:, 0] - wanted * own) / np.maximum(1.0 - confidence * own, 1e-9)
        fall = wanted - confidence * without
        return ((self._factors[movies] @ pulls) * fall).T.astype(np.float32)

    def likeness(self, movies: Ints) -> Floats:
        """(m x m) cosines of the movies' factors, brought to 0..1."""
        mine = self._factors[movies]
        mine = mine / np.maximum(np.linalg.norm(mine, axis=1, keepdims=True), 1e-9)
        alike = mine @ mine.T
        alike += 1.0
        alike /= 2.0
        return alike

    def _target(self, mine: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        return mine.T @ wanted + self._prior * self._mean

    def _system(self, taste: Taste) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mine = self._factors[taste.movies].astype(np.float64)
        confidence = ALPHA * np.abs(taste.weights.astype(np.float64))
        wanted = np.where(taste.weights > 0, 1.0 + confidence, 0.0)
        system = self._start + (mine.T * confidence) @ mine
        return system, mine, wanted
