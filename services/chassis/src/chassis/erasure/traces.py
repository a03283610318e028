"""What the chassis itself holds of a person: messages, jobs and answers; streams and keys."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import cast
from uuid import UUID

import redis
import sqlalchemy as sa
from google.protobuf.message import DecodeError
from sqlalchemy.engine import Connection

from chassis.errors import Unavailable
from chassis.events.entries import stream_key
from chassis.events.streams import Raw, consumed_before
from chassis.tables import dead_letter, idempotency, inbox, job, outbox

Rewriter = Callable[[bytes, UUID], bytes | None]
"""An event's payload without a person, when it is about others too; None when nobody is left."""

_BATCH = 500


def forget_rows(
    connection: Connection,
    user_id: UUID,
    rewriters: Mapping[str, Rewriter] | None = None,
    *,
    by: UUID | None = None,
) -> int:
    """Delete what the chassis's tables hold of a person; how many rows that were.

    Events of several people are rewritten by the rewriter of their type. Unavailable while one has
    not been published: somebody may have to hear of it. The job `by` which it is done forgets what
    went wrong before, which may name the person, and stays, to be tried again.
    """
    text = str(user_id)
    deleted = _forget_events(connection, user_id, rewriters or {})
    written = [sa.cast(job.c[name], sa.Text) for name in _JOB_COLUMNS]
    told = sa.or_(*[sa.func.strpos(sa.func.coalesce(one, ""), text) > 0 for one in written])
    connection.execute(sa.update(job).where(job.c.job_id == by).values(error=None))
    for statement in (
        sa.delete(job).where(told),
        sa.delete(idempotency).where(idempotency.c.user_id == user_id),
    ):
        deleted += connection.execute(statement).rowcount
    return deleted


def require_heard(
    connection: Connection, user_id: UUID, hearers: Mapping[str, Collection[str]]
) -> None:
    """Unavailable while a consumer of this database has not had an event of the person.

    A stream that was flushed looks read; what was not counted comes again by replay, if it is
    still in the outbox then.
    """
    for consumer, types in hearers.items():
        heard = sa.exists().where(
            inbox.c.consumer == consumer, inbox.c.event_id == outbox.c.event_id
        )
        unheard = sa.select(sa.func.count()).where(
            outbox.c.type.in_(types), _mentions(outbox, str(user_id)), sa.not_(heard)
        )
        if connection.execute(unheard).scalar_one():
            raise Unavailable(f"{consumer} has not heard all events of the person")


def forget_entries(client: redis.Redis, stream: str, user_id: UUID) -> int:
    """Delete the entries of a stream that name a person; Unavailable while some are unread."""
    key, needle = stream_key(stream), str(user_id).encode()
    consumed = consumed_before(client, stream)
    named = [entry_id for entry_id, fields in _entries(client, key) if _names(fields, needle)]
    ids = [entry_id for entry_id in named if consumed(entry_id)]
    for start in range(0, len(ids), _BATCH):
        client.xdel(key, *ids[start : start + _BATCH])
    if len(ids) < len(named):
        raise Unavailable(f"{len(named) - len(ids)} entries of {stream} are not read by all yet")
    return len(ids)


def forget_keys(client: redis.Redis, user_id: UUID) -> int:
    """Delete every key with the person's id in its name, which all keys about people have."""
    keys = list(client.scan_iter(match=f"*{user_id}*", count=1000))
    for start in range(0, len(keys), _BATCH):
        client.unlink(*keys[start : start + _BATCH])
    return len(keys)


def _forget_events(connection: Connection, user_id: UUID, rewriters: Mapping[str, Rewriter]) -> int:
    mine = _mentions(outbox, str(user_id))
    unpublished = sa.select(outbox.c.event_id).where(mine, outbox.c.published_at.is_(None))
    if connection.execute(unpublished.limit(1)).first():
        raise Unavailable("events of the person wait to be published")
    return sum(_rewrite(connection, table, user_id, rewriters) for table in (outbox, dead_letter))


def _rewrite(
    connection: Connection, table: sa.Table, user_id: UUID, rewriters: Mapping[str, Rewriter]
) -> int:
    """Delete a table's events of a person; of those about others too, what is the person's."""
    mentioned = sa.select(table).where(_mentions(table, str(user_id))).with_for_update()
    rows = connection.execute(mentioned).mappings().all()
    for row in rows:
        this = sa.and_(*[column == row[column.name] for column in table.primary_key])
        payload = _without(user_id, bytes(row["payload"]), rewriters.get(row["type"]))
        if payload is None:
            connection.execute(sa.delete(table).where(this))
            continue
        nameless = row["aggregate_id"].replace(str(user_id), "")
        kept = sa.update(table).where(this)
        connection.execute(kept.values(payload=payload, actor="", aggregate_id=nameless))
    return len(rows)


def _without(user_id: UUID, payload: bytes, rewrite: Rewriter | None) -> bytes | None:
    """The payload without the person; None when nobody is left, or nobody can read it."""
    try:
        return None if rewrite is None else rewrite(payload, user_id)
    except DecodeError:
        return None


def _mentions(table: sa.Table, text: str) -> sa.ColumnElement[bool]:
    """A message of ours that names a person does so by the id as text."""
    return sa.or_(
        table.c.actor == text,
        sa.func.strpos(table.c.aggregate_id, text) > 0,
        table.c.payload.op("like")(sa.literal(f"%{text}%".encode(), sa.LargeBinary)),
    )


def _entries(client: redis.Redis, key: str) -> Iterator[Raw]:
    start = "-"
    while True:
        found = cast(list[Raw], client.xrange(key, min=start, count=_BATCH))
        yield from found
        if len(found) < _BATCH:
            return
        start = f"({found[-1][0].decode()}"


def _names(fields: Mapping[bytes, bytes], needle: bytes) -> bool:
    return any(needle in value for value in fields.values())


_JOB_COLUMNS = ("key", "payload", "progress", "checkpoint", "result", "error")
