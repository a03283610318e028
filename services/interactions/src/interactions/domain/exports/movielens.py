"""MovieLens: the export of its website, or ratings of one person in the layout of its data sets.

Its own movie ids mean nothing elsewhere: links.csv of the same archive, or a column with TMDb or
IMDb ids, says which movie is meant; movies.csv, or a title, where neither does.
"""

from collections.abc import Iterator, Mapping, Sequence

from interactions.domain.exports.cells import (
    Meaningless,
    clue_of,
    rating_of,
    seconds_of,
    split_title,
)
from interactions.domain.exports.files import (
    Cells,
    Document,
    UnreadableExport,
    cells_of,
    columns_of,
)
from interactions.domain.imports import RATING, Clue, Line, Row, Unusable, shown_title

_HIGHEST = 5.0
_NEEDED = {"movieid", "rating"}
_KEYS = {"tmdbid", "imdbid", "title"}
_MOVIES = 250_000

_Named = Mapping[str, Mapping[str, str]]


def read(documents: Sequence[Document]) -> Iterator[Line]:
    """Every rating."""
    columns = {one.name: columns_of(one) for one in documents}
    rated = [one for one in documents if columns[one.name] >= _NEEDED]
    if not rated:
        raise UnreadableExport("it has not the columns of MovieLens: movieId and rating")
    named = _named([one for one in documents if one not in rated])
    for document in rated:
        if not named and not columns[document.name] & _KEYS:
            raise UnreadableExport(
                "MovieLens's own ids do not say which movies are meant: put links.csv beside it "
                "into an archive, or add a column tmdbId"
            )
        yield from _lines(document, named)


def _named(documents: Sequence[Document]) -> _Named:
    """What links.csv and movies.csv say of each of MovieLens's ids."""
    found: dict[str, dict[str, str]] = {}
    for document in documents:
        columns = columns_of(document)
        if "movieid" not in columns or "tag" in columns or not columns & _KEYS:
            continue
        for cells in cells_of(document):
            about = found.setdefault(cells["movieid"], {})
            if len(found) > _MOVIES:
                raise UnreadableExport(f"{document.base} names more than {_MOVIES:,} movies")
            about.update({key: cells[key] for key in _KEYS if cells[key]})
    return found


def _lines(document: Document, named: _Named) -> Iterator[Line]:
    person = ""
    for cells in cells_of(document):
        person = person or cells["userid"]
        if cells["userid"] != person and not cells.error:
            raise UnreadableExport(
                "it holds ratings of several people; an import is of one person's own"
            )
        about = {**named.get(cells["movieid"], {})}
        about.update({key: cells[key] for key in _KEYS if cells[key]})
        try:
            yield _row(document, cells, about)
        except Meaningless as error:
            title = about.get("title") or f"MovieLens {cells['movieid']}"
            yield Unusable(document.name, cells.number, shown_title(title), str(error))


def _row(document: Document, cells: Cells, about: Mapping[str, str]) -> Row:
    if cells.error:
        raise Meaningless(cells.error)
    return Row(
        file=document.name,
        number=cells.number,
        kind=RATING,
        clue=_clue(about),
        at=seconds_of(cells["timestamp"]),
        rating=rating_of(cells["rating"], highest=_HIGHEST),
    )


def _clue(about: Mapping[str, str]) -> Clue:
    if not about:
        raise Meaningless("links.csv does not know its movie")
    title, year = split_title(about.get("title", ""))
    return clue_of(
        movie_id=about.get("tmdbid", ""),
        imdb_id=about.get("imdbid", ""),
        title=title,
        year=year,
    )
