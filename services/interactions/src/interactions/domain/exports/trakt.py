"""Trakt: the archive of JSON files, one of them, or the CSV files of its website."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from interactions.domain.entries import NOTE_LENGTH
from interactions.domain.exports.cells import Meaningless, clue_of, moment_of, rating_of
from interactions.domain.exports.files import (
    Cells,
    Document,
    UnreadableExport,
    cells_of,
    columns_of,
)
from interactions.domain.exports.objects import objects_of
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

_HIGHEST = 10.0
_SUBJECTS = ("movie", "show", "season", "episode")
_MOMENTS = ("rated_at", "watched_at", "last_watched_at", "listed_at")


def read(documents: Sequence[Document]) -> Iterator[Line]:
    """Every row about a movie; a watched one without rating becomes hidden as seen."""
    found = sorted(_relevant(documents), key=lambda one: _place(one.base))
    if not found:
        raise UnreadableExport("it has none of the fields that every export of Trakt has")
    for document in found:
        yield from _objects(document) if document.is_json else _rows(document)


def _relevant(documents: Sequence[Document]) -> list[Document]:
    """An archive's own lists, collections and comments are left out; they say nothing we keep."""
    if len(documents) == 1:
        return [one for one in documents if one.is_json or _is_csv(one)]
    words = ("rating", "watchlist", "favorite", "watched", "history")
    return [
        one
        for one in documents
        if any(word in one.base for word in words) and (one.is_json or _is_csv(one))
    ]


def _is_csv(document: Document) -> bool:
    columns = columns_of(document)
    return bool(columns & {name.replace("_", "") for name in _MOMENTS}) and bool(
        columns & {"title", "tmdbid", "imdbid"}
    )


def _place(name: str) -> int:
    """Ratings first: what is rated needs no mark that it was seen."""
    return 0 if "rating" in name else 2 if "watched" in name or "history" in name else 1


def _objects(document: Document) -> Iterator[Line]:
    for number, (name, entry) in enumerate(objects_of(document), start=1):
        values = _object_of(entry)
        try:
            yield _object(document, number, name, values)
        except Meaningless as error:
            yield Unusable(document.name, number, shown_title(_named(values)), str(error))


def _named(entry: Mapping[str, Any]) -> str:
    """What an entry names, be it a movie or not."""
    titles = (_text(_object_of(entry.get(kind)).get("title")) for kind in _SUBJECTS)
    return next((title for title in titles if title), "")


def _object(document: Document, number: int, name: str, entry: Mapping[str, Any]) -> Row:
    movie = _object_of(entry.get("movie"))
    if not movie:
        raise Meaningless("it is about no movie")
    ids = _object_of(movie.get("ids"))
    clue = clue_of(
        movie_id=_text(ids.get("tmdb")),
        imdb_id=_text(ids.get("imdb")),
        title=_text(movie.get("title")),
        year=_text(movie.get("year")),
    )
    values = {key: _text(entry.get(key)) for key in (*_MOMENTS, "rating", "notes")}
    return _row(document, number, name, clue, values)


def _rows(document: Document) -> Iterator[Line]:
    for cells in cells_of(document):
        try:
            yield _csv_row(document, cells)
        except Meaningless as error:
            title = shown_title(cells["title"])
            yield Unusable(document.name, cells.number, title, str(error))


def _csv_row(document: Document, cells: Cells) -> Row:
    if cells.error:
        raise Meaningless(cells.error)
    if cells["type"] not in ("", "movie"):
        raise Meaningless(f"it is no movie but a {shown_title(cells['type'])}")
    clue = clue_of(
        movie_id=cells["tmdbid"],
        imdb_id=cells["imdbid"],
        title=cells["title"],
        year=cells["year"],
    )
    values = {key: cells[key.replace("_", "")] for key in (*_MOMENTS, "rating", "notes")}
    return _row(document, cells.number, document.base, clue, values)


def _row(document: Document, number: int, name: str, clue: Any, values: Mapping[str, str]) -> Row:
    """One shape for JSON and CSV: the moment's name tells what the row is."""
    rating, kind = 0.0, SEEN
    if values["rated_at"] or values["rating"]:
        kind, rating = RATING, rating_of(values["rating"], highest=_HIGHEST)
    elif values["listed_at"]:
        kind = FAVORITE if "favorite" in name else WATCHLIST
    elif not (values["watched_at"] or values["last_watched_at"]):
        raise Meaningless("it says neither rated, watched nor listed")
    moment = next((values[key] for key in _MOMENTS if values[key]), "")
    note = values["notes"] if kind == WATCHLIST and values["notes"].isprintable() else ""
    return Row(
        file=document.name,
        number=number,
        kind=kind,
        clue=clue,
        at=moment_of(moment),
        rating=rating,
        note=note[:NOTE_LENGTH].strip(),
    )


def _object_of(value: object) -> Mapping[str, Any]:
    """An object of JSON; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A scalar of JSON as text; anything else is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()
