"""The array types of the package and the few operations several rankers share."""

import copy
import mmap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import scipy.linalg as la
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse._sparsetools import csc_matvec, csr_row_index

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Arrays: TypeAlias = dict[str, NDArray[Any]]
# scipy ships no types; one name keeps the unknown in one place.
Sparse: TypeAlias = Any
(_SAXPY,) = la.get_blas_funcs(("axpy",), dtype=np.float32)
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
    block = np.zeros((len(rows), len(columns)), np.float32)
    if not len(columns):
        return block
    ends, there, values = _of_rows(matrix, rows)
    order = np.argsort(columns)
    places = order[np.minimum(np.searchsorted(columns[order], there), len(columns) - 1)]
    held = columns[places] == there
    block[np.repeat(np.arange(len(rows)), np.diff(ends))[held], places[held]] = values[held]
    return block


def columns_at(matrix: Sparse, rows: Ints) -> Ints:
    """The columns that these rows have anything in, ascending."""
    return np.unique(_of_rows(matrix, rows)[1])


def _of_rows(matrix: Sparse, rows: Ints) -> tuple[Ints, Ints, Floats]:
    """The entries of these rows of a CSR matrix, one row after another: where each row's begin and
    the last one's end (len(rows) + 1,), their columns, their values.

    By scipy's own loop: what it makes of `matrix[rows]` takes ten times as long for a few rows, and
    indexing by numpy thrice.
    """
    kind = matrix.indices.dtype
    rows = rows.astype(kind)
    ends: Ints = np.zeros(len(rows) + 1, kind)
    np.cumsum(matrix.indptr[rows + 1] - matrix.indptr[rows], out=ends[1:])
    columns: Ints = np.empty(ends[-1], kind)
    values: Floats = np.empty(ends[-1], np.float32)
    csr_row_index(len(rows), rows, matrix.indptr, matrix.indices, matrix.data, columns, values)
    return ends, columns, values


class Columns(NamedTuple):
    """Some columns of a matrix: where each stands among them (n,), behind them all where it does
    not; how many there are."""

    place_of: NDArray[np.int32]
    width: int


def columns_of(places: Ints, size: int) -> Columns:
    """The columns at these places, in this order."""
    place_of = np.full(size, len(places), np.int32)
    place_of[places] = np.arange(len(places), dtype=np.int32)
    return Columns(place_of, len(places))


def combined(matrix: Sparse, rows: Ints, weights: Floats, among: Columns | None = None) -> Floats:
    """(columns,) dense: the sum of these rows of a CSR matrix, each times its weight."""
    return all_combined(((matrix, weights),), rows, among)


def all_combined(
    told: Sequence[tuple[Sparse, Floats]], rows: Ints, among: Columns | None = None
) -> Floats:
    """The sum of `combined` over several matrices of one shape, each with its own weights."""
    width = told[0][0].shape[1] if among is None else among.width + 1
    total = np.zeros(width, np.float32)
    for matrix, weights in told:
        ends, columns, values = _of_rows(matrix, rows)
        if among is not None:
            # Clipped, since none is out of bounds: to look for such takes half as long again.
            columns = np.take(among.place_of, columns, mode="clip")
        csc_matvec(width, len(rows), ends, columns, values, weights, total)
    return total if among is None else total[:-1]


def add_scaled(total: Floats, scale: float, values: Floats) -> None:
    """total += scale * values, in one pass."""
    if len(total):
        _SAXPY(values, total, a=scale)


def rows_within(matrix: Sparse, which: slice) -> Sparse:
    """These rows of a CSR matrix, which follow each other, over the same memory."""
    ends = matrix.indptr[which.start or 0 : which.stop + 1]
    start, stop = ends[0], ends[-1]
    part = sp.csr_matrix((len(ends) - 1, matrix.shape[1]), dtype=matrix.dtype)
    # Given to its constructor, scipy would copy what is less than half of an array.
    part.data, part.indices = matrix.data[start:stop], matrix.indices[start:stop]
    part.indptr = (ends - start).astype(matrix.indices.dtype)
    return part


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


def settle(arrays: Mapping[str, NDArray[Any]], often: Sequence[str]) -> None:
    """Let go of what was read of mapped files to build upon them, and have those parts of them at
    hand that requests will read: the first would wait for each page."""
    for name, array in arrays.items():
        if isinstance(array.base, mmap.mmap) and array.flags.c_contiguous:
            array.base.madvise(mmap.MADV_DONTNEED)
            if name.startswith(tuple(often)):
                array.reshape(-1)[:: mmap.PAGESIZE // array.itemsize].max(initial=0)
