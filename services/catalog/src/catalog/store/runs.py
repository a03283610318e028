"""Runs of the sync."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, RowMapping

from catalog.tables.sync import sync_run

LOCK_SPACE = 0x73796E63  # "sync"
_KEPT = timedelta(days=90)


def create(
    connection: Connection,
    *,
    run_id: UUID,
    stage: str,
    source: str,
    request_id: str | None,
    parameters: dict[str, Any],
) -> RowMapping:
    """A run in the queue, or the one that the same request made before."""
    connection.execute(
        insert(sync_run)
        .values(
            sync_run_id=run_id,
            stage=stage,
            source=source,
            request_id=request_id,
            parameters=parameters,
        )
        .on_conflict_do_nothing(index_elements=["request_id"])
    )
    mine = (
        sync_run.c.sync_run_id == run_id
        if request_id is None
        else sync_run.c.request_id == request_id
    )
    return connection.execute(sa.select(sync_run).where(mine)).mappings().one()


def unfinished(
    connection: Connection, stage: str, source: str, parameters: dict[str, Any]
) -> RowMapping | None:
    """The run of a stage that is queued or under way with just these parameters."""
    return (
        connection.execute(
            sa.select(sync_run)
            .where(
                sync_run.c.stage == stage,
                sync_run.c.source == source,
                sync_run.c.state.in_(["queued", "running"]),
                sync_run.c.parameters == parameters,
            )
            .order_by(sync_run.c.sync_run_id)
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )


def find(connection: Connection, run_id: UUID) -> RowMapping | None:
    """One run."""
    return (
        connection.execute(sa.select(sync_run).where(sync_run.c.sync_run_id == run_id))
        .mappings()
        .one_or_none()
    )


def newest(connection: Connection, limit: int, before: UUID | None = None) -> Sequence[RowMapping]:
    """Runs, newest first; their ids grow with time."""
    query = sa.select(sync_run).order_by(sync_run.c.sync_run_id.desc()).limit(limit)
    if before is not None:
        query = query.where(sync_run.c.sync_run_id < before)
    return connection.execute(query).mappings().all()


def start(connection: Connection, run_id: UUID) -> datetime:
    """It runs (again); answers the database's time."""
    result = connection.execute(
        sa.update(sync_run)
        .where(sync_run.c.sync_run_id == run_id)
        .values(
            state="running",
            started_at=sa.func.coalesce(sync_run.c.started_at, sa.func.now()),
            finished_at=None,
            error="",
            updated_at=sa.func.now(),
        )
        .returning(sync_run.c.updated_at)
    )
    return result.scalar_one()


def report(
    connection: Connection,
    run_id: UUID,
    *,
    done: int = 0,
    changed: int = 0,
    quarantined: int = 0,
    requests: int = 0,
    remaining: int | None = None,
) -> None:
    """Add to a run's counts."""
    values: dict[str, Any] = {
        "done_count": sync_run.c.done_count + done,
        "changed_count": sync_run.c.changed_count + changed,
        "quarantined_count": sync_run.c.quarantined_count + quarantined,
        "requests_count": sync_run.c.requests_count + requests,
        "updated_at": sa.func.now(),
    }
    if remaining is not None:
        values["remaining_count"] = remaining
    connection.execute(sa.update(sync_run).where(sync_run.c.sync_run_id == run_id).values(values))


def add_unknown_fields(connection: Connection, run_id: UUID, counts: Mapping[str, int]) -> None:
    """New fields of TMDb's answers, added to those the run has met."""
    connection.exec_driver_sql(
        "update sync_run set unknown_fields = (select jsonb_object_agg(name, count) from"
        " (select key as name, sum(value::bigint) as count from"
        " (select * from jsonb_each_text(unknown_fields) union all"
        " select * from jsonb_each_text(%(counts)s::jsonb)) told group by key) summed)"
        " where sync_run_id = %(run)s",
        {"counts": json.dumps(counts), "run": str(run_id)},
    )


def hold_up(connection: Connection, run_id: UUID, error: str) -> None:
    """It goes on, but something holds it up; '' when nothing does any more."""
    connection.execute(
        sa.update(sync_run)
        .where(sync_run.c.sync_run_id == run_id)
        .values(error=error, updated_at=sa.func.now())
    )


def finish(connection: Connection, run_id: UUID, error: str = "", *, if_in: str = "") -> None:
    """It is over, well or not; only in that state if one is given."""
    statement = sa.update(sync_run).where(sync_run.c.sync_run_id == run_id)
    if if_in:
        statement = statement.where(sync_run.c.state == if_in)
    connection.execute(
        statement.values(
            state="failed" if error else "done",
            finished_at=sa.func.now(),
            error=error,
            updated_at=sa.func.now(),
        )
    )


def requeue(connection: Connection, run_id: UUID) -> None:
    """It was cut off by its worker's end, and waits for the next one."""
    connection.execute(
        sa.update(sync_run)
        .where(sync_run.c.sync_run_id == run_id)
        .values(state="queued", updated_at=sa.func.now())
    )


def bury_dead(connection: Connection, but: UUID, stage: str, source: str) -> None:
    """Fail runs whose process is gone: the lock of their stage is free, or ours by now."""
    held = (stage, source)
    running = connection.execute(
        sa.select(sync_run.c.sync_run_id, sync_run.c.stage, sync_run.c.source).where(
            sync_run.c.state == "running", sync_run.c.sync_run_id != but
        )
    ).all()
    for run_id, *other in running:
        # A lock we hold ourselves would be granted again: ask for those of other stages only.
        ours = tuple(other) == held
        if ours or try_lock(connection, *other):
            # It may have come to its end meanwhile.
            finish(connection, run_id, "its process ended", if_in="running")
            if not ours:
                unlock(connection, *other)


def try_lock(connection: Connection, stage: str, source: str) -> bool:
    """Hold a stage as long as this connection lives; a killed process lets go by dying."""
    return connection.exec_driver_sql(
        "select pg_try_advisory_lock(%(space)s, hashtext(%(name)s))",
        {"space": LOCK_SPACE, "name": f"{stage}/{source}"},
    ).scalar_one()


def unlock(connection: Connection, stage: str, source: str) -> None:
    """Let go of a stage."""
    connection.exec_driver_sql(
        "select pg_advisory_unlock(%(space)s, hashtext(%(name)s))",
        {"space": LOCK_SPACE, "name": f"{stage}/{source}"},
    )


def give_way(connection: Connection, run_id: UUID) -> None:
    """Another of its stage is under way: a run that never began is forgotten, one that was cut off
    does not go on."""
    mine = sync_run.c.sync_run_id == run_id
    connection.execute(sa.delete(sync_run).where(mine, sync_run.c.started_at.is_(None)))
    finish(connection, run_id, "another run took its place", if_in="queued")


def forget_old(connection: Connection) -> None:
    """Drop runs that are long over; the newest of each stage stays, however old."""
    newer = sync_run.alias()
    connection.execute(
        sa.delete(sync_run).where(
            sync_run.c.state.in_(["done", "failed"]),
            sync_run.c.finished_at < sa.func.now() - _KEPT,
            sa.exists().where(
                newer.c.stage == sync_run.c.stage,
                newer.c.source == sync_run.c.source,
                newer.c.sync_run_id > sync_run.c.sync_run_id,
            ),
        )
    )
