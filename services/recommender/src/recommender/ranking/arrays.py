"""The array types of the package and the few operations several rankers share."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Arrays: TypeAlias = dict[str, NDArray[Any]]
# scipy ships no types; one name keeps the unknown in one place.
Sparse: TypeAlias = Any
# From so many on scipy is quicker than what spares its preparations.
_MANY_ENTRIES = 15_000
Viewed = TypeVar("Viewed")


def csr(values: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> Sparse:
    """A canonical (duplicates summed) float32 CSR matrix."""
    matrix = sp.csr_matrix((np.asarray(values, np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def pack_sparse(name: str, matrix: Sparse) -> Arrays:
    """A CSR matrix as plain arrays that can be stored and memory-mapped."""
    return {
        f"{name}.data": np.asarray(matrix.data, np.float32),
        f"{name}.indices": np.asarray(matrix.indices, np.int32),
        f"{name}.indptr": np.asarray(matrix.indptr, np.int64),
        f"{name}.shape": np.asarray(matrix.shape, np.int64),
    }


def unpack_sparse(name: str, arrays: Mapping[str, NDArray[Any]]) -> Sparse:
    """The CSR matrix of pack_sparse, over the same memory."""
    shape = tuple(int(size) for size in arrays[f"{name}.shape"])
    # Mapped arrays as plain ones: each look into a np.memmap costs microseconds more.
    parts = tuple(np.asarray(arrays[f"{name}.{part}"]) for part in ("data", "indices", "indptr"))
    return sp.csr_matrix(parts, shape=shape, copy=False)


def altered(view: Viewed, **values: Any) -> Viewed:
    """A copy of an object with some of its attributes replaced."""
    fresh = copy.copy(view)
    vars(fresh).update(values)
    return fresh


def block_of(matrix: Sparse, rows: Ints, columns: Ints) -> Floats:
    """(len(rows), len(columns)) dense; slicing columns by scipy looks at every one there is."""
    part, block = matrix[rows], np.zeros((len(rows), len(columns)), np.float32)
    if not len(columns):
        return block
    order = np.argsort(columns)
    places = order[np.minimum(np.searchsorted(columns[order], part.indices), len(columns) - 1)]
    held = columns[places] == part.indices
    block[np.repeat(np.arange(len(rows)), np.diff(part.indptr))[held], places[held]] = part.data[
        held
    ]
    return block


class Columns(NamedTuple):
    """Some columns of a matrix: where each stands among them (n,), -1 where it does not; how many
    there are."""

    place_of: NDArray[np.int32]
    width: int


def columns_of(places: Ints, size: int) -> Columns:
    """The columns at these places, in this order."""
    place_of = np.full(size, -1, np.int32)
    place_of[places] = np.arange(len(places), dtype=np.int32)
    return Columns(place_of, len(places))


def combined(matrix: Sparse, rows: Ints, weights: Floats, among: Columns | None = None) -> Floats:
    """(columns,) dense: the sum of these rows of a CSR matrix, each times its weight."""
    total = np.zeros(matrix.shape[1] if among is None else among.width, np.float32)
    starts = matrix.indptr[rows].astype(np.int64)
    sizes = matrix.indptr[rows + 1] - starts
    ends = np.cumsum(sizes)
    if not len(ends):
        return total
    if among is None and ends[-1] > _MANY_ENTRIES:
        return np.asarray(matrix[rows].T @ weights, np.float32)
    entries = np.arange(ends[-1]) + np.repeat(starts - ends + sizes, sizes)
    values = matrix.data[entries] * np.repeat(weights, sizes)
    columns = matrix.indices[entries]
    if among is not None:
        columns = among.place_of[columns]
        columns, values = columns[columns >= 0], values[columns >= 0]
    np.add.at(total, columns, values)
    return total


def first_rows(matrix: Sparse, count: int) -> Sparse:
    """The first rows of a CSR matrix, over the same memory."""
    ends = matrix.indptr[: count + 1]
    parts = (matrix.data[: ends[-1]], matrix.indices[: ends[-1]], ends)
    return sp.csr_matrix(parts, shape=(len(ends) - 1, matrix.shape[1]), copy=False)


def unit_rows(matrix: Sparse) -> Sparse:
    """Rows scaled to length one; empty rows stay empty."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sp.diags(scale.astype(np.float32)) @ matrix


def spread(values: Floats, positions: Ints, size: int) -> Floats:
    """values at positions of an otherwise zero vector of the given size."""
    full = np.zeros(size, np.float32)
    full[positions] = values
    return full


def positions_of(positions: Ints, size: int) -> Ints:
    """The inverse of a list of positions: (size,) with -1 where a movie is not in the list."""
    inverse = np.full(size, -1, np.int64)
    inverse[positions] = np.arange(len(positions))
    return inverse


def best_first(scores: Floats, tie: Floats, ids: Ints, count: int) -> Ints:
    """Indices of the `count` best scores; ties by `tie` descending, then the smaller id."""
    if count <= 0 or not len(scores):
        return np.empty(0, np.int64)
    candidates = np.arange(len(scores))
    if count < len(scores):
        threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
        candidates = np.flatnonzero(scores >= threshold)
    order = np.lexsort((ids[candidates], -tie[candidates], -scores[candidates]))
    return candidates[order[:count]]
