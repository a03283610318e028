"""The table of jobs: what is to be done, who does it, how far it is, how it ended."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from chassis import telemetry
from chassis.database import uuid7
from chassis.tables import job

LEASE = timedelta(seconds=20)
_LONGEST_ERROR = 4000
_UNFINISHED = job.c.state.in_(("queued", "running"))
WAKE = "marquee.wake"
"""Key in a connection's info: its transaction enqueued a job."""


@dataclass(frozen=True)
class Job:
    """A job as its function gets it."""

    job_id: uuid.UUID
    kind: str
    payload: dict[str, Any]
    attempt: int


@dataclass(frozen=True)
class JobRecord:
    """Everything the table knows of a job. `state` is queued, running, done or failed."""

    job_id: uuid.UUID
    kind: str
    key: str
    payload: dict[str, Any]
    state: str
    attempt: int
    max_attempts: int
    run_after: datetime
    progress: dict[str, Any]
    checkpoint: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Claimed:
    """A job that is ours while it runs and `lease` stands in its row."""

    job: Job
    lease: str
    max_attempts: int
    postponed_count: int
    """How often in a row it could not be done now."""
    checkpoint: dict[str, Any]
    traceparent: str


_record = sa.select(*(job.c[name] for name in JobRecord.__dataclass_fields__))


def find(connection: Connection, job_id: uuid.UUID) -> JobRecord | None:
    """The job of that id."""
    row = connection.execute(_record.where(job.c.job_id == job_id)).mappings().one_or_none()
    return None if row is None else JobRecord(**row)


def latest(connection: Connection, kind: str, limit: int = 20) -> list[JobRecord]:
    """The newest jobs of a kind, newest first."""
    ordered = _record.where(job.c.kind == kind).order_by(job.c.created_at.desc()).limit(limit)
    return [JobRecord(**row) for row in connection.execute(ordered).mappings()]


def enqueue(
    connection: Connection,
    kind: str,
    *,
    key: str,
    payload: Mapping[str, Any] | None = None,
    run_after: datetime | None = None,
    max_attempts: int = 5,
) -> uuid.UUID:
    """Have a job done after the caller's commit; the id of the unfinished one if there is one.

    Touches PostgreSQL only: Redis may be down. See `wake_on_commit` for who is told.
    """
    values: dict[str, Any] = {
        "job_id": uuid7(),
        "kind": kind,
        "key": key,
        "payload": dict(payload or {}),
        "max_attempts": max_attempts,
        "traceparent": telemetry.traceparent(),
    }
    if run_after is not None:
        values["run_after"] = run_after
    statement = (
        insert(job)
        .on_conflict_do_nothing(index_elements=["kind", "key"], index_where=_UNFINISHED)
        .returning(job.c.job_id)
    )
    existing = sa.select(job.c.job_id).where(job.c.kind == kind, job.c.key == key, _UNFINISHED)
    while True:
        job_id = connection.execute(statement, values).scalar()
        if job_id is not None:
            connection.info[WAKE] = True
            return job_id
        job_id = connection.execute(existing).scalar()
        if job_id is not None:
            return job_id
        # It finished between the two statements: the next insert makes a new one.


def enqueue_once(connection: Connection, kind: str, *, key: str, since: datetime) -> None:
    """Enqueue unless a job of that key was made since then, finished or not."""
    made = sa.exists().where(job.c.kind == kind, job.c.key == key, job.c.created_at >= since)
    if not connection.execute(sa.select(made)).scalar():
        enqueue(connection, kind, key=key)


def claim(connection: Connection, kinds: Collection[str], instance: str) -> Claimed | None:
    """The job that has waited longest, leased to us; two workers never get the same."""
    lease = f"{instance}/{uuid.uuid4()}"
    waiting = (
        sa.select(job.c.job_id)
        .where(job.c.state == "queued", job.c.run_after <= sa.func.now(), job.c.kind.in_(kinds))
        .order_by(job.c.run_after, job.c.job_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        sa.update(job)
        .where(job.c.job_id == waiting)
        .values(
            state="running",
            attempt=job.c.attempt + 1,
            leased_by=lease,
            lease_expires_at=sa.func.now() + LEASE,
            started_at=sa.func.now(),
            updated_at=sa.func.now(),
        )
        .returning(job)
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        return None
    return Claimed(
        Job(row["job_id"], row["kind"], row["payload"], row["attempt"]),
        lease,
        row["max_attempts"],
        row["postponed_count"],
        row["checkpoint"],
        row["traceparent"],
    )


def change(connection: Connection, claimed: Claimed, **values: Any) -> bool:
    """Write to a running job of ours; False when it is ours no longer."""
    return _write(connection, claimed, ("running",), values)


def _write(
    connection: Connection, claimed: Claimed, states: Collection[str], values: Mapping[str, Any]
) -> bool:
    ours = sa.and_(job.c.job_id == claimed.job.job_id, job.c.leased_by == claimed.lease)
    statement = sa.update(job).where(ours, job.c.state.in_(states))
    written = connection.execute(statement.values(updated_at=sa.func.now(), **values))
    return written.rowcount == 1


def renew(connection: Connection, claimed: Claimed, **values: Any) -> bool:
    """Keep the lease, and write; False when it is lost."""
    return change(connection, claimed, lease_expires_at=sa.func.now() + LEASE, **values)


def finish(
    connection: Connection, claimed: Claimed, result: dict[str, Any] | None, **more: Any
) -> bool:
    """The job is done; the row keeps by whom, so that whoever lost the answer may say so again."""
    values = {
        "state": "done",
        "result": result,
        "error": None,
        "lease_expires_at": None,
        "finished_at": sa.func.now(),
        **more,
    }
    return _write(connection, claimed, ("running", "done"), values)


def give_back(
    connection: Connection,
    claimed: Claimed,
    *,
    error: str,
    wait: timedelta,
    counts: bool,
    postponed_count: int = 0,
) -> bool:
    """The attempt failed: again later, or never more if it was the last. Some do not count."""
    freed: dict[str, Any] = {
        "error": error[-_LONGEST_ERROR:],
        "postponed_count": postponed_count,
        "leased_by": None,
        "lease_expires_at": None,
    }
    if counts and claimed.job.attempt >= claimed.max_attempts:
        return change(connection, claimed, state="failed", finished_at=sa.func.now(), **freed)
    return change(
        connection,
        claimed,
        state="queued",
        attempt=job.c.attempt if counts else job.c.attempt - 1,
        run_after=sa.func.now() + wait,
        **freed,
    )


def sweep(connection: Connection) -> int:
    """Queue again what a dead worker held; answers how many jobs that were."""
    last = job.c.attempt >= job.c.max_attempts
    lost = (
        sa.select(job.c.job_id)
        .where(job.c.state == "running", job.c.lease_expires_at < sa.func.now())
        .with_for_update(skip_locked=True)
    )
    statement = (
        sa.update(job)
        .where(job.c.job_id.in_(lost))
        .values(
            state=sa.case((last, "failed"), else_="queued"),
            finished_at=sa.case((last, sa.func.now())),
            run_after=sa.func.now(),
            error="the worker was lost",
            leased_by=None,
            lease_expires_at=None,
            updated_at=sa.func.now(),
        )
    )
    return connection.execute(statement).rowcount
