"""Imports: opened, filled chunk by chunk, started; then read by a job, some rows at a time."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import uuid7
from chassis.errors import Invalid
from chassis.idempotency import RequestIdReused
from chassis.jobs import enqueue
from chassis.outbox import Fact, publish
from interactions import operations
from interactions.domain import Favorite, HiddenMovie, ImportedRating, Interaction, WatchlistEntry
from interactions.domain.imports import (
    DONE,
    FAILED,
    FAVORITE,
    FILE_BYTES,
    RATING,
    SEEN,
    UNFINISHED_IMPORTS,
    UPLOADING,
    WATCHLIST,
    Import,
    ImportIncomplete,
    ImportMoved,
    ImportNotFound,
    ImportStarted,
    Line,
    Progress,
    Row,
    TooManyImports,
    Unusable,
    checked_source,
    fresh_marks,
    shown_title,
    title_of,
)
from interactions.messages.imports import import_finished
from interactions.store import entries, imports, movies, summaries
from interactions.store import ratings as stored

JOB = "import"
_BROKEN_OFF_AFTER = timedelta(seconds=30)
_ABANDONED_AFTER = timedelta(hours=1)
_KEPT = timedelta(days=90)

Matched = Row | Unusable
"""A row whose movie was asked for: one that has it, or one that has none."""


def open_import(
    connection: Connection, user_id: UUID, *, source: str, filename: str, at: datetime
) -> Import:
    """An import that waits for its file; of too many, it takes the place of one broken off."""
    full = imports.unfinished_count(connection, user_id) >= UNFINISHED_IMPORTS
    if full and not imports.drop_broken_off(connection, user_id, idle=_BROKEN_OFF_AFTER):
        raise TooManyImports(
            "you have as many unfinished imports as anybody may", limit=UNFINISHED_IMPORTS
        )
    opened = Import(
        import_id=uuid7(),
        user_id=user_id,
        source=source,
        filename=filename,
        state=UPLOADING,
        total_rows_count=0,
        rows_count=0,
        imported_count=0,
        unchanged_count=0,
        skipped_count=0,
        error="",
        sequence=0,
        content_sha256=b"",
        created_at=at,
        finished_at=None,
    )
    imports.insert(connection, opened)
    return opened


def append(connection: Connection, user_id: UUID, import_id: UUID, number: int, data: bytes) -> int:
    """Keep a chunk; the same number again replaces it. Answers how many bytes there are."""
    if owned(imports.find(connection, import_id, hold=True), user_id).state != UPLOADING:
        raise ImportStarted("the import has started")
    received = imports.put_chunk(connection, import_id, number, data)
    if received > FILE_BYTES:
        raise Invalid(f"the file must be at most {FILE_BYTES} bytes", field="data")
    return received


def start(
    connection: Connection, user_id: UUID, import_id: UUID, *, source: str, digest: bytes
) -> Import:
    """Have the file read; again is the same, unless it comes with another file."""
    found = owned(imports.find(connection, import_id, hold=True), user_id)
    if found.state != UPLOADING:
        if digest not in (b"", found.content_sha256) or source not in ("", found.source):
            raise RequestIdReused("was used for another file", field="request_id")
        return found
    numbers = imports.chunk_numbers(connection, import_id)
    if numbers != list(range(len(numbers))):
        raise ImportIncomplete("chunks are missing")
    source = checked_source(source or found.source, required=True)
    imports.start(connection, import_id, source, digest)
    enqueue(connection, JOB, key=str(import_id), payload={"import_id": str(import_id)})
    return owned(imports.find(connection, import_id), user_id)


def owned(found: Import | None, user_id: UUID) -> Import:
    """The import, if it is the caller's; another's is as if it were not there."""
    if found is None or found.user_id != user_id:
        raise ImportNotFound("there is no such import")
    return found


def apply(
    connection: Connection, import_id: UUID, lines: Sequence[Line], *, place: int, at: datetime
) -> None:
    """Make interactions of the rows from `place` on, and note that it is done; all or nothing.

    Whose movie the catalogue told carry its id alone.
    """
    held = imports.find(connection, import_id, hold=True)
    if held is None or held.rows_count != place:
        raise ImportMoved
    stored.locked_sequences(connection, {held.user_id})
    known = movies.known_ids(connection, [one.clue.movie_id for one in _rows(lines)])
    judged = [_known(line, known) for line in lines]
    changed = sum(
        make(connection, held, [row for row in _rows(judged) if row.kind == kind], at)
        for kind, make in _MAKERS
    )
    errors = [
        (place + number, line) for number, line in enumerate(judged) if isinstance(line, Unusable)
    ]
    imports.advance(connection, import_id, Progress(len(lines), changed, len(errors)), errors)


def finish(
    connection: Connection, import_id: UUID, *, at: datetime, error: str = ""
) -> Import | None:
    """It has been read to its end, or cannot be: tell so once."""
    state = FAILED if error else DONE
    ended = imports.finish(connection, import_id, state, error=error, at=at)
    if ended is not None:
        message = import_finished(ended)
        fact = Fact(
            type=message.DESCRIPTOR.full_name,
            aggregate_id=f"{ended.user_id}:{ended.import_id}:import",
            aggregate_version=ended.sequence,
            payload=message.SerializeToString(),
            actor=str(ended.user_id),
            occurred_at=at,
        )
        publish(connection, entries.STREAM, [fact])
    return ended


def tidy(connection: Connection, *, at: datetime) -> dict[str, int]:
    """Forget abandoned uploads and old reports; end what no job reads any more."""
    given_up = imports.given_up(connection)
    for import_id in given_up:
        finish(connection, import_id, at=at, error="it could not be read to its end")
    return {
        "abandoned_count": imports.drop_abandoned(connection, idle=_ABANDONED_AFTER),
        "old_count": imports.drop_old(connection, before=at - _KEPT),
        "given_up_count": len(given_up),
    }


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
    counts = operations.import_ratings(connection, given, at=at)
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
        operations.keep(
            connection, held.user_id, entry, at=at, find_movie=lambda _id: None, imported=True
        )
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
