"""Movies that came after a model was trained, ranked by it until the next one is."""

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp

from recommender.ranking.als import projected
from recommender.ranking.arrays import Arrays, Ints, pack_sparse, unpack_sparse
from recommender.ranking.catalogue import counted, tf_idf, unpack_vocabulary
from recommender.ranking.ensemble import Model


def extended(model: Model, movie_ids: Ints, documents: Iterable[Iterable[str]]) -> Model:
    """The model with these movies after its own: their content, and factors from it."""
    arrays, count = dict(model.arrays), len(movie_ids)
    counts = counted(documents, unpack_vocabulary(arrays), count)
    rows = tf_idf(counts, np.asarray(arrays["terms.rarity"]))
    arrays["movies.ids"] = np.concatenate([arrays["movies.ids"], movie_ids])
    arrays["movies.counts"] = _padded(arrays["movies.counts"], count, 0.0)
    arrays |= pack_sparse("content", sp.vstack([unpack_sparse("content", arrays), rows]).tocsr())
    if "trend.first" in arrays:
        arrays["trend.first"] = _padded(arrays["trend.first"], count, np.inf)
    if "als.factors" in arrays:
        arrays["als.factors"] = np.vstack([arrays["als.factors"], _factors(arrays, rows)])
    for name in ("neighbours", "sequence.after", "sequence.before"):
        if f"{name}.indptr" in arrays:
            ends = arrays[f"{name}.indptr"]
            arrays[f"{name}.indptr"] = _padded(ends, count, int(ends[-1]))
            arrays[f"{name}.shape"] = arrays[f"{name}.shape"] + count
    return Model(arrays, model.meta)


def _factors(arrays: Arrays, rows: sp.csr_matrix) -> np.ndarray:
    if "als.projection" in arrays:
        return projected(arrays, rows)
    return np.zeros((len(rows.indptr) - 1, arrays["als.factors"].shape[1]), np.float32)


def _padded(array: np.ndarray, count: int, value: float) -> np.ndarray:
    return np.concatenate([array, np.full(count, value, array.dtype)])
