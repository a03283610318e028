"""Imports: opened, filled chunk by chunk, started, ended."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import uuid7
from chassis.errors import Invalid
from chassis.idempotency import RequestIdReused
from chassis.jobs import enqueue
from chassis.outbox import publish
from interactions.domain.imports import (
    DONE,
    FAILED,
    FILE_BYTES,
    FINISHED_IMPORTS,
    UNFINISHED_IMPORTS,
    UPLOADING,
    Import,
    ImportIncomplete,
    ImportNotFound,
    ImportStarted,
    TooManyImports,
    checked_source,
)
from interactions.messages import facts
from interactions.store import imports
from interactions.store.entries import STREAM

JOB = "import"
_BROKEN_OFF_AFTER = timedelta(seconds=30)
_ABANDONED_AFTER = timedelta(hours=1)
_KEPT = timedelta(days=90)


def open_import(
    connection: Connection, user_id: UUID, *, source: str, filename: str, at: datetime
) -> Import:
    """An import that waits for its file; of too many, it takes the place of one broken off, and of
    one that ended long ago."""
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
    imports.drop_oldest(connection, user_id, kept_count=FINISHED_IMPORTS)
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
    if digest and digest != imports.content_digest(connection, import_id):
        # Of an upload that broke off under the same key, what was longer has stayed.
        raise RequestIdReused("was used for another file", field="request_id")
    source = checked_source(source or found.source, required=True)
    imports.start(connection, import_id, source, digest)
    enqueue(connection, JOB, key=str(import_id), payload={"import_id": str(import_id)})
    return owned(imports.find(connection, import_id), user_id)


def owned(found: Import | None, user_id: UUID) -> Import:
    """The import, if it is the caller's; another's is as if it were not there."""
    if found is None or found.user_id != user_id:
        raise ImportNotFound("there is no such import")
    return found


def finish(
    connection: Connection, import_id: UUID, *, at: datetime, error: str = ""
) -> Import | None:
    """It has been read to its end, or cannot be: tell so once."""
    state = FAILED if error else DONE
    ended = imports.finish(connection, import_id, state, error=error, at=at)
    if ended is not None:
        publish(connection, STREAM, [facts.import_finished(ended, at)])
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
