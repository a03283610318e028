"""Sparse item-kNN for the tail: cosine of shared people, the best few neighbours a movie."""

from collections.abc import Sequence

import numpy as np
from sparse_dot_topn import sp_matmul_topn

from recommender.ranking.arrays import (
    Arrays,
    Columns,
    Floats,
    Ints,
    Sparse,
    altered,
    block_of,
    columns_of,
    combined,
    pack_sparse,
    unit_rows,
    unpack_sparse,
)
from recommender.ranking.signals import Taste

NEIGHBOURS = 50


def train_neighbours(matrix: Sparse, *, threads: int) -> Arrays:
    """Movies x movies CSR of the NEIGHBOURS largest cosines a row, without the movie itself."""
    columns = unit_rows(matrix.T.tocsr())
    nearest = sp_matmul_topn(
        columns, columns.T.tocsr(), top_n=NEIGHBOURS + 1, threshold=1e-3, n_threads=threads
    ).tocsr()
    nearest.setdiag(0)
    nearest.eliminate_zeros()
    return pack_sparse("neighbours", nearest.astype(np.float32))


class Neighbours:
    """Scores by the neighbours of the movies a person had; any movie with interactions."""

    def __init__(self, arrays: Arrays) -> None:
        self._nearest = unpack_sparse("neighbours", arrays)
        self._among: Columns | None = None

    def scores(self, tastes: Sequence[Taste]) -> Floats:
        return np.stack([self._of(taste) for taste in tastes])

    def _of(self, taste: Taste) -> Floats:
        return combined(self._nearest, taste.movies, taste.weights, self._among)

    def among(self, places: Ints) -> "Neighbours":
        return altered(self, _among=columns_of(places, self._nearest.shape[1]))

    def contributions(self, taste: Taste, movies: Ints) -> Floats:
        return block_of(self._nearest, taste.movies, movies) * taste.weights[:, None]
