"""What is known of each movie, as sparse terms: g:genre, p:person, k:keyword, w:word and others."""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, csr, unit_rows

GENRE = "g:"
MINIMUM_MOVIES = 2
MAXIMUM_TERMS = 60_000


@dataclass(frozen=True)
class Catalogue:
    """Movies ascending by id (n,) and their terms (n x t CSR of counts)."""

    movie_ids: Ints
    terms: Sparse
    vocabulary: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.movie_ids)


def catalogue_of(movie_ids: Sequence[int] | Ints, documents: Iterable[Iterable[str]]) -> Catalogue:
    """A catalogue from each movie's terms; a term of one movie alone tells nothing: left out."""
    ids = np.asarray(movie_ids, np.int64).tolist()
    return catalogue_from(zip(ids, documents, strict=False))


def catalogue_from(described: Iterable[tuple[int, Iterable[str]]]) -> Catalogue:
    """The same from movies with their terms one after another, of which none is kept."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    ids, columns, ends = array("q"), array("i"), array("q", [0])
    for movie_id, document in described:
        ids.append(movie_id)
        columns.extend(map(numbers.__getitem__, document))
        ends.append(len(columns))
    parts = (np.ones(len(columns), np.float32), _numbers(columns, np.int32), _numbers(ends))
    counts = sp.csr_matrix(parts, shape=(len(ids), len(numbers)))
    counts.sum_duplicates()
    names = np.array(list(numbers), dtype=object)
    kept = _kept_terms(counts, names)
    movie_ids = _numbers(ids)
    order = np.argsort(movie_ids, kind="stable")
    return Catalogue(movie_ids[order], counts[order][:, kept].tocsr(), tuple(names[kept]))


def _numbers(values: "array[int]", kind: type = np.int64) -> Ints:
    return np.frombuffer(values, kind) if len(values) else np.empty(0, kind)


def _kept_terms(counts: Sparse, names: np.ndarray) -> Ints:
    """Genres, and the most frequent of the others; of equally frequent ones the first met."""
    frequency = np.bincount(counts.indices, minlength=len(names))
    genre = np.array([name.startswith(GENRE) for name in names], bool)
    usable = np.flatnonzero((frequency >= MINIMUM_MOVIES) | genre)
    order = np.lexsort((usable, -frequency[usable], ~genre[usable]))
    return np.sort(usable[order[:MAXIMUM_TERMS]])


def rarity(catalogue: Catalogue) -> Floats:
    """ln((1 + n) / df) of each term."""
    frequency = np.bincount(catalogue.terms.indices, minlength=catalogue.terms.shape[1])
    return np.log((1.0 + len(catalogue)) / np.maximum(frequency, 1)).astype(np.float32)


def tf_idf(counts: Sparse, idf: Floats) -> Sparse:
    """(1 + ln tf) idf, rows of unit length (Salton & Buckley 1988)."""
    weighted = counts.copy()
    weighted.data = (1.0 + np.log(weighted.data)).astype(np.float32)
    weighted.data *= idf[weighted.indices]
    return unit_rows(weighted)


@dataclass(frozen=True)
class Described:
    """Movies (n,), how rare each term is (t,), and what movies are by TF-IDF (n x t, rows of unit
    length)."""

    movie_ids: Ints
    vocabulary: tuple[str, ...]
    rarity: Floats
    content: Sparse

    def __len__(self) -> int:
        return len(self.movie_ids)

    def at(self, places: Ints) -> "Described":
        """The movies at these places, in this order."""
        return replace(self, movie_ids=self.movie_ids[places], content=self.content[places])


def described(catalogue: Catalogue) -> Described:
    """The same movies, their terms weighed."""
    rare = rarity(catalogue)
    return Described(catalogue.movie_ids, catalogue.vocabulary, rare, tf_idf(catalogue.terms, rare))


def counted(documents: Iterable[Iterable[str]], vocabulary: Sequence[str], size: int) -> Sparse:
    """(size x t) counts of known terms, for movies that came after the vocabulary was made."""
    numbers = {term: column for column, term in enumerate(vocabulary)}
    pairs = [
        (row, numbers[term])
        for row, document in enumerate(documents)
        for term in document
        if term in numbers
    ]
    rows, columns = ([row for row, _ in pairs], [column for _, column in pairs])
    return csr(np.ones(len(pairs)), rows, columns, (size, len(vocabulary)))


_WORD = re.compile(r"[^\W\d_]{3,}")
_YEARS_ALIKE = 5


def terms_of(
    *,
    genres: Iterable[object] = (),
    keywords: Iterable[object] = (),
    people: Iterable[object] = (),
    title: str = "",
    overview: str = "",
    year: int | None = None,
    language: str = "",
    collection: object = None,
) -> list[str]:
    """A movie's terms from whatever is known of it."""
    terms = [f"{GENRE}{genre}" for genre in genres]
    terms += [f"k:{keyword}" for keyword in keywords]
    terms += [f"p:{person}" for person in people]
    terms += [f"w:{word}" for word in _WORD.findall(title.lower())]
    terms += [f"o:{word}" for word in _WORD.findall(overview.lower())]
    if year is not None:
        terms.append(f"y:{year // _YEARS_ALIKE}")
    if language:
        terms.append(f"l:{language}")
    if collection:
        terms.append(f"c:{collection}")
    return terms


def genre_columns(vocabulary: Sequence[str]) -> Ints:
    """The columns of the vocabulary that are genres."""
    return np.array([i for i, term in enumerate(vocabulary) if term.startswith(GENRE)], np.int64)


def pack_vocabulary(vocabulary: Sequence[str]) -> Arrays:
    """The terms as bytes and offsets: no pickled strings in a stored model."""
    encoded = [term.encode() for term in vocabulary]
    ends = np.cumsum([0, *(len(term) for term in encoded)], dtype=np.int64)
    return {"terms.bytes": np.frombuffer(b"".join(encoded), np.uint8), "terms.ends": ends}


def unpack_vocabulary(arrays: Arrays) -> tuple[str, ...]:
    """The terms of pack_vocabulary."""
    joined, ends = bytes(arrays["terms.bytes"]), arrays["terms.ends"].tolist()
    return tuple(joined[a:b].decode() for a, b in pairwise(ends))
