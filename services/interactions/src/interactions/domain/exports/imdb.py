"""IMDb: ratings.csv, or the CSV file of the watchlist or a list."""

from collections.abc import Iterator, Sequence

from interactions.domain.exports.cells import Meaningless, clue_of, moment_of, rating_of
from interactions.domain.exports.files import (
    Cells,
    Document,
    UnreadableExport,
    cells_of,
    columns_of,
)
from interactions.domain.imports import RATING, WATCHLIST, Line, Row, Unusable, shown_title

_HIGHEST = 10.0
_NO_MOVIES = ("series", "episode", "game", "podcast", "music")


def read(documents: Sequence[Document]) -> Iterator[Line]:
    """Every row; one without a rating of one's own belongs to the watchlist."""
    found = [one for one in documents if "const" in columns_of(one)]
    if not found:
        raise UnreadableExport("it has no column Const, which every export of IMDb has")
    for document in found:
        for cells in cells_of(document):
            yield _line(document, cells)


def _line(document: Document, cells: Cells) -> Line:
    try:
        return _row(document, cells)
    except Meaningless as error:
        title = cells["title"] or cells["const"]
        return Unusable(document.name, cells.number, shown_title(title), str(error))


def _row(document: Document, cells: Cells) -> Row:
    if cells.error:
        raise Meaningless(cells.error)
    kind = cells["titletype"]
    if any(word in kind.lower() for word in _NO_MOVIES):
        raise Meaningless(f"it is no movie but a {shown_title(kind)}")
    clue = clue_of(imdb_id=cells["const"], title=cells["title"], year=cells["year"])
    rating = cells["yourrating"] or cells["yourated"]
    if rating:
        return Row(
            file=document.name,
            number=cells.number,
            kind=RATING,
            clue=clue,
            at=moment_of(cells["daterated"]),
            rating=rating_of(rating, highest=_HIGHEST),
        )
    if "position" not in cells.values:  # lists have a position, ratings have none
        raise Meaningless("it has no rating")
    return Row(
        file=document.name,
        number=cells.number,
        kind=WATCHLIST,
        clue=clue,
        at=moment_of(cells["created"]),
    )
