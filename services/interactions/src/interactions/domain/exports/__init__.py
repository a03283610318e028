"""What other sites' exports say, read the same way each time.

A file is never trusted: it is read in memory, under limits, and by the names of its columns.
Nothing of it is evaluated, and no name in it becomes a path.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from interactions.domain.exports import imdb, letterboxd, movielens, trakt
from interactions.domain.exports.files import Document, UnreadableExport, documents_of
from interactions.domain.imports import Line

__all__ = ["ROWS", "UnreadableExport", "lines_of"]

ROWS = 100_000

_READERS: Mapping[str, Callable[[Sequence[Document]], Iterator[Line]]] = {
    "letterboxd": letterboxd.read,
    "imdb": imdb.read,
    "trakt": trakt.read,
    "movielens": movielens.read,
}


def lines_of(source: str, filename: str, content: bytes) -> list[Line]:
    """Every row of an export, in an order of its own that stays; UnreadableExport if it is none."""
    lines: list[Line] = []
    for line in _READERS[source](documents_of(source, filename, content)):
        if len(lines) == ROWS:
            raise UnreadableExport(f"it has more than {ROWS:,} rows")
        lines.append(line)
    if not lines:
        raise UnreadableExport("it has no rows")
    return lines
