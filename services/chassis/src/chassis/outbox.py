"""Facts written in the writer's transaction, and the relay that carries them to the streams.

The relay claims rows with `for update skip locked`, so several may run and none waits. A row
outlives its publication by seven days: when Redis has lost its memory (its epoch key is gone) all
of them are published again, and when Redis merely restarted, the last minute is, for an append-only
file may lack its end. Consumers' inboxes make the repetition harmless.
"""

import json
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, RowMapping

from chassis import telemetry
from chassis.database import Database
from chassis.events.entries import Event, Fact, fields_of, stream_key
from chassis.events.streams import trim
from chassis.loops import Every, keep_going
from chassis.retention import tidy
from chassis.tables import outbox, relay_state

__all__ = ["Fact", "Relay", "outbox_values", "publish", "replay"]

POLL_SECONDS = 0.025
BATCH = 200
PUBLISH_LOCK = 0x6F7574626F78  # "outbox": shared while publishing, exclusive while deciding
_CHECK_SECONDS = 1.0
_HOUSEKEEPING_SECONDS = 60.0
_FILE_MAY_LACK = timedelta(seconds=60)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger()

_PREPARE = """
    deallocate all;
    prepare outbox_waiting as select exists (select from outbox where published_at is null)
"""
_claim = (
    sa.select(outbox)
    .where(outbox.c.published_at.is_(None))
    .order_by(outbox.c.event_id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_mark = (
    sa.update(outbox)
    .where(outbox.c.event_id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))
    .values(published_at=sa.func.now())
)


def outbox_values(stream: str, fact: Fact) -> dict[str, object]:
    """One row of the outbox by column name, for a writer that inserts it in a statement of its own.

    `traceparent` is that of what is being done now.
    """
    return {
        "event_id": fact.event_id,
        "stream": stream,
        "type": fact.type,
        "schema_version": fact.schema_version,
        "aggregate_id": fact.aggregate_id,
        "aggregate_version": fact.aggregate_version,
        "actor": fact.actor,
        "occurred_at": fact.occurred_at,
        "traceparent": telemetry.traceparent(),
        "payload": fact.payload,
    }


def publish(connection: Connection, stream: str, facts: Sequence[Fact]) -> None:
    """Tell of `facts` when the caller's transaction commits, and never if it does not."""
    if facts:
        connection.execute(sa.insert(outbox), [outbox_values(stream, fact) for fact in facts])


def replay(connection: Connection, since: datetime) -> None:
    """Have everything published since then published again; the relay does it from the commit on.

    Waits for publishing that is under way, so that nothing falls between it and the replay.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(PUBLISH_LOCK)))
    _request_replay(connection, since)


def _request_replay(connection: Connection, since: datetime) -> None:
    before = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    pending = _state(connection, "replay")
    if pending is not None:
        since = min(since, datetime.fromisoformat(json.loads(pending)["since"]))
    _keep(connection, "replay", _progress(before, since, uuid.UUID(int=0)))


def _progress(before: datetime, since: datetime, after: uuid.UUID) -> str:
    place = {"before": before.isoformat(), "since": since.isoformat(), "after": str(after)}
    return json.dumps(place)


def _state(connection: Connection, name: str) -> str | None:
    return connection.execute(
        sa.select(relay_state.c.value).where(relay_state.c.name == name)
    ).scalar_one_or_none()


def _keep(connection: Connection, name: str, value: str) -> None:
    statement = insert(relay_state).values(name=name, value=value)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": value, "updated_at": sa.func.now()}
        )
    )


def wait_for_publishers(connection: Connection) -> None:
    """Until whoever publishes now is done: from then on nothing is published that is gone here."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(PUBLISH_LOCK)))


class Relay:
    """Carries the outbox of one database to Redis; run as many as you like."""

    def __init__(
        self, database: Database, redis: redis.Redis, *, poll_seconds: float = POLL_SECONDS
    ) -> None:
        self._database = database
        self._redis = redis
        self._poll_seconds = poll_seconds
        self._check = Every(_CHECK_SECONDS, at_once=True)
        self._housekeeping = Every(_HOUSEKEEPING_SECONDS)
        self._streams: set[str] = set()
        self._replaying = False

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop`; an outage of Redis or PostgreSQL is waited for."""
        self._stop = stop
        keep_going(stop, "relay", self._step)

    def _step(self) -> None:
        busy = self.publish_waiting() > 0
        if self._replaying:
            busy = self._replay_some() or busy
        if self._housekeeping.due():
            self._keep_house()
        if not busy:
            self._wait()

    def _wait(self) -> None:
        """Until a row waits, and for a second at most.

        This is all that a suite at rest does, so it is one prepared statement on one connection:
        a quarter of what it costs to take one each time and have the question planned.
        """
        ends_at = time.monotonic() + _CHECK_SECONDS
        with self._database.read() as connection:
            connection.exec_driver_sql(_PREPARE)
            while time.monotonic() < ends_at and not self._stop.wait(self._poll_seconds):
                if connection.exec_driver_sql("execute outbox_waiting").scalar():
                    return

    def publish_waiting(self) -> int:
        """Publish one batch of what waits; answers how many it were."""
        if self._check.due():
            self._check_memory()
        with self._database.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(PUBLISH_LOCK)))
            rows = connection.execute(_claim).mappings().all()
            if rows:
                self._append(rows)
                connection.execute(_mark, {"ids": [row["event_id"] for row in rows]})
        return len(rows)

    def _append(self, rows: Sequence[RowMapping]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for row in rows:
                fields = cast(Any, fields_of(_event(row), row["traceparent"]))
                pipeline.xadd(stream_key(row["stream"]), fields)
            pipeline.execute()
        self._streams.update(row["stream"] for row in rows)

    def _check_memory(self) -> None:
        """Compare Redis's life with the one we published into; decide what it has forgotten."""
        with self._database.read() as connection:
            known = (_state(connection, "epoch"), _state(connection, "redis_run"))
            self._replaying = _state(connection, "replay") is not None
        if known != self._life(known[0]):
            with self._database.begin() as connection:
                wait_for_publishers(connection)  # until their rows are marked
                self._begin_anew(connection)
            self._replaying = True

    def _life(self, epoch: str | None) -> tuple[str | None, str]:
        """The epoch, if Redis still remembers it, and the id of its present run."""
        run = self._redis.info("server")["run_id"]
        remembered = epoch is not None and self._redis.exists(_epoch_key(epoch))
        return (epoch if remembered else None, run)

    def _begin_anew(self, connection: Connection) -> None:
        epoch = _state(connection, "epoch")
        remembered, run = self._life(epoch)
        if remembered is not None and _state(connection, "redis_run") == run:
            return  # another relay was quicker
        if remembered is None:
            # The new epoch reaches Redis before PostgreSQL: a crash between them replays twice,
            # while the other order would leave a flush unseen.
            remembered = str(uuid.uuid4())
            self._redis.set(_epoch_key(remembered), run)
            since = _BEGINNING
        else:
            since = _last_published_at(connection) - _FILE_MAY_LACK
        _keep(connection, "epoch", remembered)
        _keep(connection, "redis_run", run)
        if epoch is not None:
            log.warning("redis may have lost events, publishing again", since=since.isoformat())
        _request_replay(connection, since)

    def _replay_some(self) -> bool:
        """Publish one batch of a replay again; answers whether there may be more."""
        with self._database.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(PUBLISH_LOCK)))
            held = (
                sa.select(relay_state.c.value)
                .where(relay_state.c.name == "replay")
                .with_for_update(skip_locked=True)
            )
            value = connection.execute(held).scalar_one_or_none()
            if value is None:  # done, or another relay is at it
                self._replaying = False
                return False
            place = json.loads(value)
            rows = connection.execute(_published_again(place)).mappings().all()
            if not rows:
                connection.execute(sa.delete(relay_state).where(relay_state.c.name == "replay"))
                self._replaying = False
                return False
            self._append(rows)
            before, last = datetime.fromisoformat(place["before"]), rows[-1]
            _keep(connection, "replay", _progress(before, last["published_at"], last["event_id"]))
            return True

    def _keep_house(self) -> None:
        tidy(self._database)
        for stream in sorted(self._streams):
            trim(self._redis, stream)


def _published_again(place: dict[str, str]) -> sa.Select[Any]:
    position = sa.tuple_(outbox.c.published_at, outbox.c.event_id)
    since, after = datetime.fromisoformat(place["since"]), uuid.UUID(place["after"])
    return (
        sa.select(outbox)
        .where(outbox.c.published_at < datetime.fromisoformat(place["before"]))
        .where(position > sa.tuple_(sa.literal(since), sa.literal(after, sa.Uuid)))
        .order_by(outbox.c.published_at, outbox.c.event_id)
        .limit(BATCH)
    )


def _last_published_at(connection: Connection) -> datetime:
    last = connection.execute(sa.select(sa.func.max(outbox.c.published_at))).scalar_one()
    return last or datetime.now(UTC)


def _epoch_key(epoch: str) -> str:
    return f"{{marquee}}:outbox-epoch:{epoch}"


def _event(row: RowMapping) -> Event:
    return Event(
        event_id=row["event_id"],
        type=row["type"],
        aggregate_id=row["aggregate_id"],
        aggregate_version=row["aggregate_version"],
        actor=row["actor"],
        occurred_at=row["occurred_at"],
        schema_version=row["schema_version"],
        payload=row["payload"],
    )
