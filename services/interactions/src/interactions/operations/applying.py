"""Rows of an import made into interactions, some at a time; what a row yields to is ADR 0011."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from interactions.domain.entries import Favorite, HiddenMovie, Interaction, WatchlistEntry
from interactions.domain.imports import (
    FAVORITE,
    RATING,
    REPORTED_ROWS,
    SEEN,
    WATCHLIST,
    Import,
    ImportMoved,
    Line,
    Progress,
    Row,
    Unusable,
    fresh_marks,
    shown_title,
    title_of,
)
from interactions.domain.ratings import ImportedRating
from interactions.operations.entries import keep
from interactions.operations.ratings import import_ratings
from interactions.store import imports, movies, ratings, summaries


def apply(
    connection: Connection, import_id: UUID, lines: Sequence[Line], *, place: int, at: datetime
) -> None:
    """Make interactions of the rows from `place` on, and note that it is done; all or nothing.

    Whose movie the catalogue told carry its id alone.
    """
    held = imports.find(connection, import_id, hold=True)
    if held is None or held.rows_count != place:
        raise ImportMoved
    ratings.locked_sequences(connection, {held.user_id})
    known = movies.known_ids(connection, [one.clue.movie_id for one in _rows(lines)])
    judged = [_known(line, known) for line in lines]
    changed = sum(
        make(connection, held, [row for row in _rows(judged) if row.kind == kind], at)
        for kind, make in _MAKERS
    )
    errors = [
        (place + number, line) for number, line in enumerate(judged) if isinstance(line, Unusable)
    ]
    done = Progress(len(lines), changed, len(errors))
    room = max(0, REPORTED_ROWS - held.skipped_count)
    imports.advance(connection, import_id, done, errors[:room])


def _rows(lines: Sequence[Line]) -> list[Row]:
    return [line for line in lines if isinstance(line, Row)]


def _known(line: Line, known: set[int]) -> Line:
    if isinstance(line, Unusable) or line.clue.movie_id in known:
        return line
    title = shown_title(title_of(line.clue))
    return Unusable(line.file, line.number, title, "its movie has left the catalogue")


def _make_ratings(connection: Connection, held: Import, rows: Sequence[Row], at: datetime) -> int:
    given = [
        ImportedRating(
            user_id=held.user_id,
            movie_id=row.clue.movie_id,
            rating=row.rating,
            review=row.review,
            rated_at=min(row.at or at, at),
            dated=row.at is not None,
        )
        for row in rows
    ]
    if not given:
        return 0
    counts = import_ratings(connection, given, at=at)
    return counts.created_count + counts.updated_count


def _make_favorites(connection: Connection, held: Import, rows: Sequence[Row], at: datetime) -> int:
    def make(movie_id: int, moment: datetime) -> Interaction:
        return Favorite(movie_id=movie_id, favorited_at=moment)

    return _make_marks(connection, held, Favorite.kind, _moments(rows), make, at)


def _make_watchlist(connection: Connection, held: Import, rows: Sequence[Row], at: datetime) -> int:
    notes = {row.clue.movie_id: row.note for row in rows}

    def make(movie_id: int, moment: datetime) -> Interaction:
        return WatchlistEntry(movie_id=movie_id, note=notes[movie_id], added_at=moment)

    return _make_marks(connection, held, WatchlistEntry.kind, _moments(rows), make, at)


def _make_seen(connection: Connection, held: Import, rows: Sequence[Row], at: datetime) -> int:
    """Seen but not rated: never to be recommended, and nothing more is known of it."""
    moments = _moments(rows)
    if not moments:
        return 0
    told = {
        state.movie_id
        for state in summaries.movie_states(connection, held.user_id, list(moments))
        if state.favorite or state.rating is not None
    }

    def make(movie_id: int, moment: datetime) -> Interaction:
        return HiddenMovie(movie_id=movie_id, reason="seen", hidden_at=moment)

    unsaid = {movie_id: moment for movie_id, moment in moments.items() if movie_id not in told}
    return _make_marks(connection, held, HiddenMovie.kind, unsaid, make, at)


def _make_marks(
    connection: Connection,
    held: Import,
    kind: str,
    moments: dict[int, datetime | None],
    make: Callable[[int, datetime], Interaction],
    at: datetime,
) -> int:
    if not moments:
        return 0
    standing = imports.marks(connection, kind, held.user_id, list(moments))
    fresh = fresh_marks(moments, standing)
    for movie_id, moment in fresh.items():
        entry = make(movie_id, min(moment or at, at))
        keep(connection, held.user_id, entry, at=at, find_movie=lambda _id: None, imported=True)
    return len(fresh)


def _moments(rows: Sequence[Row]) -> dict[int, datetime | None]:
    """By movie, the latest moment that is said of it; by id, as every batch takes its locks."""
    found: dict[int, datetime | None] = {}
    for row in sorted(rows, key=lambda one: one.clue.movie_id):
        before = found.get(row.clue.movie_id)
        found[row.clue.movie_id] = max(before, row.at) if before and row.at else before or row.at
    return found


_Maker = Callable[[Connection, Import, Sequence[Row], datetime], int]

# Ratings and favorites first: a movie that has either needs no mark that it was seen.
_MAKERS: Sequence[tuple[str, _Maker]] = (
    (RATING, _make_ratings),
    (FAVORITE, _make_favorites),
    (WATCHLIST, _make_watchlist),
    (SEEN, _make_seen),
)
