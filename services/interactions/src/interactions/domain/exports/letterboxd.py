"""Letterboxd: the archive of the account's data, or one of its CSV files."""

from collections.abc import Iterator, Mapping, Sequence

from interactions.domain.exports.cells import (
    Meaningless,
    clue_of,
    moment_of,
    rating_of,
    review_of,
)
from interactions.domain.exports.files import (
    Cells,
    Document,
    UnreadableExport,
    cells_of,
    columns_of,
)
from interactions.domain.imports import (
    FAVORITE,
    RATING,
    SEEN,
    WATCHLIST,
    Line,
    Row,
    Unusable,
    shown_title,
)

_NEEDED = {"name", "year"}
_HIGHEST = 5.0

# In this order: what is rated needs no mark that it was seen.
_FILES: Mapping[str, str] = {
    "ratings.csv": RATING,
    "reviews.csv": RATING,
    "diary.csv": RATING,
    "likes/films.csv": FAVORITE,
    "watchlist.csv": WATCHLIST,
    "watched.csv": SEEN,
}
_OTHER_FOLDERS = ("deleted", "orphaned", "lists", "likes")
_WORDS: Mapping[str, str] = {"watchlist": WATCHLIST, "watched": SEEN, "film": FAVORITE}


def read(documents: Sequence[Document]) -> Iterator[Line]:
    """Every row; a watched movie without rating becomes hidden as seen."""
    for document, kind in _known(documents):
        for cells in cells_of(document):
            yield _line(document, kind, cells)


def _known(documents: Sequence[Document]) -> list[tuple[Document, str]]:
    if len(documents) == 1:
        return [(documents[0], _kind_of(documents[0]))]
    found = [
        (document, kind)
        for name, kind in _FILES.items()
        for document in documents
        if _is(document, name)
    ]
    if not found:
        raise UnreadableExport(f"the archive has none of {', '.join(_FILES)}")
    for document, _kind in found:
        _check(document)
    return found


def _is(document: Document, name: str) -> bool:
    """At the archive's top or in its one folder: deleted/diary.csv is no diary."""
    folder, _, rest = document.name.partition("/")
    return document.name == name or (rest == name and folder not in _OTHER_FOLDERS)


def _kind_of(document: Document) -> str:
    """Columns tell ratings; watched, watchlist and likes have the same ones, and their names."""
    columns = _check(document)
    if columns & {"rating", "rating10"}:
        return RATING
    for word, kind in _WORDS.items():
        if word in document.base:
            return kind
    raise UnreadableExport(
        "its columns are those of watched.csv, watchlist.csv and likes/films.csv: "
        "keep the name that Letterboxd gave the file"
    )


def _check(document: Document) -> set[str]:
    columns = columns_of(document)
    if not (columns >= _NEEDED or columns & {"title", "tmdbid", "imdbid"}):
        raise UnreadableExport(f"{document.base or 'the file'} has not Letterboxd's columns")
    return columns


def _line(document: Document, kind: str, cells: Cells) -> Line:
    title = cells["name"] or cells["title"]
    try:
        return _row(document, kind, cells, title)
    except Meaningless as error:
        return Unusable(document.name, cells.number, shown_title(title), str(error))


def _row(document: Document, kind: str, cells: Cells, title: str) -> Row:
    if cells.error:
        raise Meaningless(cells.error)
    clue = clue_of(
        movie_id=cells["tmdbid"], imdb_id=cells["imdbid"], title=title, year=cells["year"]
    )
    at = moment_of(cells["date"] or cells["watcheddate"])
    rating, review = 0.0, ""
    if kind == RATING:
        review = review_of(cells["review"])
        if cells["rating"]:
            rating = rating_of(cells["rating"], highest=_HIGHEST)
        elif cells["rating10"]:
            rating = rating_of(cells["rating10"], highest=2 * _HIGHEST)
        elif review:
            raise Meaningless("it is a review without a rating")
        else:
            kind = SEEN
    return Row(
        file=document.name,
        number=cells.number,
        kind=kind,
        clue=clue,
        at=at,
        rating=rating,
        review=review,
    )
