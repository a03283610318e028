"""EASE (Steck 2019) with the denoising penalty of EDLAE (Steck 2020), on a head of the movies.

Content joins as in collective EASE (Jeunen, Van Balen & Goethals 2020): what movies are stands
below who had them, as if each topic were one more person. To who is well known, what speaks for a
movie counts divided by a small power of how many people had it, as in item-adaptive normalization
(Park et al. 2025)."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp

from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, altered, positions_of
from recommender.ranking.signals import Taste

(_SPOTRI,) = la.get_lapack_funcs(("potri",), dtype=np.float32)
HEAD = 10_000
# Above this many cells the user-side factor costs more to score with than a row of B per rating.
FACTOR_CELLS = 12_000_000
# Rows of B that are sooner copied than multiplied where they are.
FEW = 64
# p / (1 - p), when a share p of each history is left out at random while learning.
DROPOUT = 1.0
TOPICS = 150
CONTENT_WEIGHT = 10.0
# What speaks for a movie is divided by this power of how many had it, for histories of so many
# movies: to people of few, what many had is the better advice.
DAMPING_POWER = 0.1
DAMPED_LENGTH = 6


def train_ease(
    matrix: Sparse,
    *,
    regularization: float,
    content: Sparse | None = None,
    dropout: float = DROPOUT,
    content_weight: float = CONTENT_WEIGHT,
    damping_power: float = DAMPING_POWER,
    head: int = HEAD,
) -> Arrays:
    """From users x movies, and movies x terms, to arrays; B_ij = -P_ij / P_jj with
    P = (X'X + L)^-1, L diagonal: regularization + dropout (X'X)_jj; and the damping (h,).

    With few users, P comes from the user side (Woodbury) and B is kept as factors F (r x h):
    B_ij = left_i F_i . F_j right_j. Else B itself is kept, (h x h).
    """
    movies = _head(matrix, head)
    held = matrix[:, movies]
    damping = np.power(held.getnnz(axis=0), -damping_power).astype(np.float32)
    held = held[np.flatnonzero(np.diff(held.indptr))]
    if content is not None:
        held = _stacked(held, _topics(content[movies], content_weight))
    people, width = held.shape
    penalty = regularization + dropout * np.asarray(held.multiply(held).sum(axis=0)).ravel()
    if people < width and people * width <= FACTOR_CELLS:
        factors, left, right = _by_users(held, penalty)
        return {
            "ease.movies": movies,
            "ease.factors": factors,
            "ease.left": left,
            "ease.right": right,
            "ease.damping": damping,
        }
    weights = _by_movies(held, penalty)
    return {"ease.movies": movies, "ease.weights": weights, "ease.damping": damping}


def _stacked(above: Sparse, below: Sparse) -> Sparse:
    return sp.vstack([above, below]).tocsr()


def _topics(content: Sparse, weight: float) -> Sparse:
    """(TOPICS x h) the strongest directions of what movies are, from rows of terms (h x t)."""
    count = min(TOPICS, *content.shape)
    if not content.nnz:
        return sp.csr_matrix((0, content.shape[0]), dtype=np.float32)
    from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415 - training's alone

    found = cast("tuple[Floats, Floats, Floats]", randomized_svd(content, count, random_state=0))
    left, strength, _ = found
    topics = (left * strength).T * np.sqrt(weight)
    return sp.csr_matrix(topics.astype(np.float32))


def usual_regularization(matrix: Sparse) -> float:
    """Grows with the root of how many people there are; tuning multiplies it."""
    return float(2.5 * np.sqrt(max(matrix.shape[0], 1)))


def _head(matrix: Sparse, head: int) -> Ints:
    counts = np.diff(matrix.tocsc().indptr)
    order = np.lexsort((np.arange(len(counts)), -counts))[:head]
    return np.sort(order[counts[order] > 0]).astype(np.int64)


def _by_users(held: Sparse, penalty: np.ndarray) -> tuple[Floats, Floats, Floats]:
    root = np.sqrt(penalty)
    dense = held.toarray().astype(np.float64) / root
    gram = dense @ dense.T
    gram[np.diag_indices_from(gram)] += 1.0
    lower = la.cholesky(gram, lower=True, overwrite_a=True)
    factors = la.solve_triangular(lower, dense, lower=True, overwrite_b=True)
    right = root / np.maximum(1.0 - np.square(factors).sum(axis=0), 1e-6)
    return factors.astype(np.float32), (1.0 / root).astype(np.float32), right.astype(np.float32)


def _by_movies(held: Sparse, penalty: np.ndarray) -> Floats:
    gram = _gram(held)
    gram[np.diag_indices_from(gram)] += penalty.astype(np.float32)
    lower, _ = la.cho_factor(gram, lower=True, overwrite_a=True)
    inverse, _ = _SPOTRI(lower, lower=1, overwrite_c=1)
    # It is its own transpose, which is in C's order.
    weights = np.asarray(inverse).T
    diagonal = np.diag(weights).copy()
    _mirror_upper(weights)
    weights /= -diagonal[None, :]
    np.fill_diagonal(weights, 0.0)
    return np.ascontiguousarray(weights, np.float32)


def _gram(held: Sparse, block: int = 512) -> Floats:
    """X'X, dense, by some rows at a time: sparse as a whole it would take thrice the memory.

    In Fortran's order, as LAPACK has it: symmetric, so rows may be written as columns.
    """
    gram = np.empty((held.shape[1], held.shape[1]), np.float32, order="F")
    columns = held.T.tocsr()
    for start in range(0, len(gram), block):
        gram[:, start : start + block] = (columns[start : start + block] @ held).toarray().T
    return gram


def _mirror_upper(matrix: Floats, block: int = 1024) -> None:
    for start in range(0, len(matrix), block):
        end = min(start + block, len(matrix))
        matrix[end:, start:end] = matrix[start:end, end:].T
        corner = matrix[start:end, start:end]
        matrix[start:end, start:end] = np.triu(corner) + np.triu(corner, 1).T


class Ease:
    """Scores by EASE; movies outside the head score zero."""

    def __init__(self, arrays: Arrays, size: int) -> None:
        self._size = size
        # Which movies of the head are scored, and the columns of the answer they stand in.
        self._columns, self._shown = arrays["ease.movies"], np.arange(len(arrays["ease.movies"]))
        self._place = positions_of(self._columns, size)
        self._arrays = arrays
        self._weights = arrays.get("ease.weights")
        # Models of before have none.
        self._damping = arrays.get("ease.damping", np.ones(len(self._columns), np.float32))

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        scores = np.zeros((len(tastes), self._size), np.float32)
        for row, head in zip(scores, self._of_head(tastes), strict=True):
            row[self._columns] = head[self._shown]
        return scores

    def among(self, places: Ints) -> "Ease":
        shown = self._place[places]
        columns = np.flatnonzero(shown >= 0)
        return altered(self, _size=len(places), _columns=columns, _shown=shown[columns])

    def _of_head(self, tastes: Sequence[Taste]) -> Floats:
        scores = self._undamped(tastes)
        for row, taste in zip(scores, tastes, strict=True):
            if len(taste) >= DAMPED_LENGTH:
                row *= self._damping
        return scores

    def _undamped(self, tastes: Sequence[Taste]) -> Floats:
        known = [self._known(taste) for taste in tastes]
        if self._weights is not None:
            if len(known) == 1 and len(known[0][0]) <= FEW:
                (mine, weights), *_ = known
                return (weights @ self._weights[mine])[None]
            return np.asarray(_rows(known, len(self._weights)) @ self._weights)
        factors, left, right = self._by_users()
        people = np.stack([factors[:, mine] @ (weights * left[mine]) for mine, weights in known])
        return (people @ factors * right).astype(np.float32)

    def _known(self, taste: Taste) -> tuple[Ints, Floats]:
        places = self._place[taste.movies]
        return places[places >= 0], taste.weights[places >= 0]

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        mine, theirs = self._place[taste.movies], self._place[movies]
        known = (mine >= 0)[:, None] & (theirs >= 0)[None, :]
        if self._weights is not None:
            block = self._weights[np.ix_(mine, theirs)]
        else:
            factors, left, right = self._by_users()
            block = (factors[:, mine].T @ factors[:, theirs]) * right[theirs] * left[mine][:, None]
        if len(taste) >= DAMPED_LENGTH:
            block *= self._damping[theirs]
        return np.where(known, block * taste.weights[:, None], 0.0).astype(np.float32)

    def _by_users(self) -> tuple[Floats, Floats, Floats]:
        arrays = self._arrays
        return arrays["ease.factors"], arrays["ease.left"], arrays["ease.right"]


def _rows(known: Sequence[tuple[Ints, Floats]], size: int) -> Sparse:
    """(b x size) CSR of places and weights: multiplied so, no row of B is copied."""
    ends = np.cumsum([0, *(len(mine) for mine, _ in known)])
    weights = np.concatenate([weights for _, weights in known])
    return sp.csr_matrix(
        (weights, np.concatenate([mine for mine, _ in known]), ends), shape=(len(known), size)
    )
