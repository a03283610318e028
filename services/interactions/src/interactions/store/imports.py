"""Imports: the upload, how far it has been read, and what could not be used."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from interactions.domain.imports import Import, Mark, Progress, Unusable
from interactions.tables import favorite, hidden_movie, import_row_error, watchlist_entry

_MARKS = {
    table.name: sa.select(table.c.movie_id, table.c.deleted_at).where(
        table.c.user_id == sa.bindparam("user_id"),
        table.c.movie_id == sa.func.any(sa.bindparam("movie_ids", type_=sa.ARRAY(sa.BigInteger))),
    )
    for table in (favorite, watchlist_entry, hidden_movie)
}


def insert(connection: Connection, opened: Import) -> None:
    """A new import; those of one person wait for one another, so that a limit holds."""
    connection.execute(
        _INSERT,
        {
            "import_id": opened.import_id,
            "user_id": opened.user_id,
            "source": opened.source,
            "filename": opened.filename,
            "state": opened.state,
            "at": opened.created_at,
        },
    )


def unfinished_count(connection: Connection, user_id: UUID) -> int:
    """How many of a person's imports go on; nobody adds one until this commits."""
    connection.execute(_LOCK_OWNER, {"owner": f"imports:{user_id}"})
    return connection.execute(_UNFINISHED_COUNT, {"user_id": user_id}).scalar_one()


def find(connection: Connection, import_id: UUID, *, hold: bool = False) -> Import | None:
    """An import; `hold` keeps everybody else from changing it until the transaction ends."""
    statement = _HOLD if hold else _FIND
    row = connection.execute(statement, {"import_id": import_id}).mappings().one_or_none()
    if row is None:
        return None
    values: dict[str, Any] = {**row, "content_sha256": bytes(row["content_sha256"])}
    return Import(**values)


def put_chunk(connection: Connection, import_id: UUID, number: int, data: bytes) -> int:
    """Keep a chunk, again if need be; answers how many bytes there are."""
    connection.execute(_PUT_CHUNK, {"import_id": import_id, "number": number, "data": data})
    connection.execute(_TOUCH, {"import_id": import_id})
    return connection.execute(_RECEIVED, {"import_id": import_id}).scalar_one()


def chunk_numbers(connection: Connection, import_id: UUID) -> list[int]:
    """Which chunks there are, in order."""
    return list(connection.execute(_CHUNK_NUMBERS, {"import_id": import_id}).scalars())


def content(connection: Connection, import_id: UUID) -> bytes:
    """The uploaded file."""
    return b"".join(connection.execute(_CHUNKS, {"import_id": import_id}).scalars())


def content_digest(connection: Connection, import_id: UUID) -> bytes:
    """The SHA-256 of the uploaded file."""
    return bytes(connection.execute(_DIGEST, {"import_id": import_id}).scalar_one())


def start(connection: Connection, import_id: UUID, source: str, digest: bytes) -> None:
    """Nothing is added any more: it waits to be read."""
    parameters = {"import_id": import_id, "source": source, "digest": digest}
    connection.execute(_START, parameters)


def begin(connection: Connection, import_id: UUID, total_rows_count: int) -> None:
    """It is being read."""
    connection.execute(_BEGIN, {"import_id": import_id, "total": total_rows_count})


def advance(
    connection: Connection, import_id: UUID, done: Progress, errors: Sequence[tuple[int, Unusable]]
) -> None:
    """Some more rows have been dealt with; `errors` with their places among all rows."""
    connection.execute(
        _ADVANCE,
        {
            "import_id": import_id,
            "rows": done.rows_count,
            "imported": done.imported_count,
            "unchanged": done.unchanged_count,
            "skipped": done.skipped_count,
        },
    )
    if errors:
        connection.execute(
            sa.insert(import_row_error),
            [
                {
                    "import_id": import_id,
                    "place": place,
                    "file": error.file,
                    "row": error.number,
                    "title": error.title,
                    "reason": error.reason,
                }
                for place, error in errors
            ],
        )


def finish(
    connection: Connection, import_id: UUID, state: str, *, error: str, at: datetime
) -> Import | None:
    """It has ended, and its file is gone; None when it had before."""
    parameters = {"import_id": import_id, "state": state, "error": error, "at": at}
    if connection.execute(_FINISH, parameters).rowcount == 0:
        return None
    connection.execute(_DROP_CHUNKS, parameters)
    return find(connection, import_id)


def row_errors(
    connection: Connection, import_id: UUID, *, after: int, limit: int
) -> Sequence[Row[Any]]:
    """place, file, row, title and reason of rows that could not be used, in their order."""
    parameters = {"import_id": import_id, "after": after, "most": limit}
    return connection.execute(_ROW_ERRORS, parameters).all()


def marks(
    connection: Connection, table: str, user_id: UUID, movie_ids: Sequence[int]
) -> dict[int, Mark]:
    """How a person's marks of one kind stand, by movie; those taken back too."""
    parameters = {"user_id": user_id, "movie_ids": list(movie_ids)}
    rows = connection.execute(_MARKS[table], parameters)
    return {row.movie_id: Mark(row.deleted_at) for row in rows}


def drop_abandoned(connection: Connection, *, idle: timedelta) -> int:
    """Forget uploads that nobody goes on with; answers how many."""
    return connection.execute(_DROP_ABANDONED, {"idle": idle}).rowcount


def drop_broken_off(connection: Connection, user_id: UUID, *, idle: timedelta) -> bool:
    """Forget the upload of a person that has been silent longest, if for so long; False if none."""
    parameters = {"user_id": user_id, "idle": idle}
    return connection.execute(_DROP_BROKEN_OFF, parameters).rowcount == 1


def drop_oldest(connection: Connection, user_id: UUID, *, kept_count: int) -> None:
    """Forget a person's imports that have ended, with their reports, but for the newest."""
    connection.execute(_DROP_OLDEST, {"user_id": user_id, "kept_count": kept_count})


def drop_old(connection: Connection, *, before: datetime) -> int:
    """Forget imports that ended long ago, with their reports; answers how many."""
    return connection.execute(_DROP_OLD, {"before": before}).rowcount


def given_up(connection: Connection) -> list[UUID]:
    """Imports that no job reads any more, though they have not ended."""
    return list(connection.execute(_GIVEN_UP).scalars())


_COLUMNS = (
    "import_id, user_id, source, filename, state, total_rows_count, rows_count, imported_count, "
    "unchanged_count, skipped_count, error, sequence, content_sha256, created_at, finished_at"
)

_LOCK_OWNER = sa.text("select pg_advisory_xact_lock(hashtextextended(:owner, 0))")
_UNFINISHED_COUNT = sa.text("""
    select count(*) from import
    where user_id = :user_id and (state in ('queued', 'running')
        or state = 'uploading' and updated_at > now() - interval '10 minutes')
""")
_INSERT = sa.text("""
    insert into import (import_id, user_id, source, filename, state, created_at)
    values (:import_id, :user_id, :source, :filename, :state, :at)
""")
_FIND = sa.text(f"select {_COLUMNS} from import where import_id = :import_id")  # noqa: S608 - the columns are named above
_HOLD = sa.text(f"{_FIND.text} for update")
_PUT_CHUNK = sa.text("""
    insert into import_chunk (import_id, chunk_number, data) values (:import_id, :number, :data)
    on conflict (import_id, chunk_number) do update set data = excluded.data, updated_at = now()
""")
_TOUCH = sa.text("update import set updated_at = now() where import_id = :import_id")
_RECEIVED = sa.text("""
    select coalesce(sum(length(data)), 0) from import_chunk where import_id = :import_id
""")
_CHUNK_NUMBERS = sa.text("""
    select chunk_number from import_chunk where import_id = :import_id order by chunk_number
""")
_CHUNKS = sa.text("""
    select data from import_chunk where import_id = :import_id order by chunk_number
""")
_DIGEST = sa.text("""
    select sha256(coalesce(string_agg(data, '' order by chunk_number), ''))
    from import_chunk where import_id = :import_id
""")
_START = sa.text("""
    update import set state = 'queued', source = :source, content_sha256 = :digest,
        updated_at = now()
    where import_id = :import_id
""")
_BEGIN = sa.text("""
    update import set state = 'running', total_rows_count = :total, updated_at = now()
    where import_id = :import_id and state in ('queued', 'running')
""")
_ADVANCE = sa.text("""
    update import set
        rows_count = rows_count + :rows,
        imported_count = imported_count + :imported,
        unchanged_count = unchanged_count + :unchanged,
        skipped_count = skipped_count + :skipped,
        updated_at = now()
    where import_id = :import_id
""")
_FINISH = sa.text("""
    update import set state = :state, error = :error, finished_at = :at, updated_at = now(),
        sequence = coalesce(
            (select sequence from user_sequence where user_id = import.user_id), 0)
    where import_id = :import_id and state in ('queued', 'running')
""")
_DROP_CHUNKS = sa.text("delete from import_chunk where import_id = :import_id")
_ROW_ERRORS = sa.text("""
    select place, file, row, title, reason from import_row_error
    where import_id = :import_id and place > :after order by place limit :most
""")
_DROP_ABANDONED = sa.text("""
    delete from import where state = 'uploading' and updated_at < now() - cast(:idle as interval)
""")
_DROP_BROKEN_OFF = sa.text("""
    delete from import where import_id = (
        select import_id from import
        where user_id = :user_id and state = 'uploading'
            and updated_at < now() - cast(:idle as interval)
        order by updated_at limit 1 for update skip locked
    )
""")
_DROP_OLDEST = sa.text("""
    delete from import where import_id in (
        select import_id from import
        where user_id = :user_id and finished_at is not null
        order by finished_at desc, import_id offset :kept_count
    )
""")
_DROP_OLD = sa.text("delete from import where finished_at < :before")
_GIVEN_UP = sa.text("""
    select import_id from import
    where state in ('queued', 'running') and not exists (
        select from job where job.kind = 'import' and job.key = cast(import.import_id as text)
            and job.state in ('queued', 'running'))
""")
