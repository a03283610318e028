"""Runs of the sync, and the records it could not load."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, RowMapping

from catalog.tables import quarantine, sync_run
from chassis.database import uuid7

_BODY_LIMIT = 65536
_LOCK_SPACE = 0x73796E63  # "sync"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that cannot be loaded, and why."""

    kind: str
    source_id: int
    error: str
    body: bytes


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


def unfinished(connection: Connection, stage: str, source: str) -> RowMapping | None:
    """The run of a stage that is queued or under way."""
    return (
        connection.execute(
            sa.select(sync_run)
            .where(
                sync_run.c.stage == stage,
                sync_run.c.source == source,
                sync_run.c.state.in_(["queued", "running"]),
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


def finish(connection: Connection, run_id: UUID, error: str = "") -> None:
    """It is over, well or not."""
    connection.execute(
        sa.update(sync_run)
        .where(sync_run.c.sync_run_id == run_id)
        .values(
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


def bury_dead(connection: Connection, but: UUID, stage: str) -> None:
    """Fail runs whose process is gone: the lock of their stage is free, or ours by now."""
    running = connection.execute(
        sa.select(sync_run.c.sync_run_id, sync_run.c.stage, sync_run.c.source).where(
            sync_run.c.state == "running", sync_run.c.sync_run_id != but
        )
    ).all()
    for run_id, other_stage, source in running:
        # A lock we hold ourselves would be granted again: ask for those of other stages only.
        ours = other_stage == stage
        if ours or try_lock(connection, other_stage, source):
            finish(connection, run_id, "its process ended")
            if not ours:
                unlock(connection, other_stage, source)


def try_lock(connection: Connection, stage: str, source: str) -> bool:
    """Hold a stage as long as this connection lives; a killed process lets go by dying."""
    return connection.exec_driver_sql(
        "select pg_try_advisory_lock(%(space)s, hashtext(%(name)s))",
        {"space": _LOCK_SPACE, "name": f"{stage}/{source}"},
    ).scalar_one()


def unlock(connection: Connection, stage: str, source: str) -> None:
    """Let go of a stage."""
    connection.exec_driver_sql(
        "select pg_advisory_unlock(%(space)s, hashtext(%(name)s))",
        {"space": _LOCK_SPACE, "name": f"{stage}/{source}"},
    )


def put_away(
    connection: Connection, source: str, version: int, records: Sequence[Quarantined]
) -> None:
    """Records that cannot be loaded, with their bodies, to be looked at and retried."""
    for record in sorted(records, key=lambda one: (one.kind, one.source_id)):
        values: dict[str, Any] = {
            "error": record.error[:2000],
            "body": record.body[:_BODY_LIMIT],
            "parser_version": version,
            "state": "open",
            "quarantined_at": sa.func.now(),
            "updated_at": sa.func.now(),
        }
        connection.execute(
            insert(quarantine)
            .values(
                quarantine_entry_id=uuid7(),
                kind=record.kind,
                source=source,
                source_id=record.source_id,
                **values,
            )
            .on_conflict_do_update(
                index_elements=["kind", "source", "source_id"],
                set_={**values, "attempts": quarantine.c.attempts + 1},
            )
        )


def resolve(connection: Connection, source: str, movie_ids: Sequence[int]) -> None:
    """Movies that were loaded after all."""
    connection.execute(
        sa.update(quarantine)
        .where(
            quarantine.c.kind == "movie",
            quarantine.c.source == source,
            quarantine.c.state != "resolved",
            quarantine.c.source_id.in_(movie_ids),
        )
        .values(state="resolved", updated_at=sa.func.now())
    )


def quarantined(
    connection: Connection,
    limit: int,
    state: str = "",
    before: tuple[datetime, UUID] | None = None,
) -> Sequence[RowMapping]:
    """Entries, newest first."""
    place = sa.tuple_(quarantine.c.quarantined_at, quarantine.c.quarantine_entry_id)
    query = sa.select(quarantine).order_by(
        quarantine.c.quarantined_at.desc(), quarantine.c.quarantine_entry_id.desc()
    )
    if state:
        query = query.where(quarantine.c.state == state)
    if before is not None:
        moment, entry_id = before
        query = query.where(place < sa.tuple_(sa.literal(moment), sa.literal(entry_id, sa.Uuid)))
    return connection.execute(query.limit(limit)).mappings().all()


def quarantine_entry(connection: Connection, entry_id: UUID) -> RowMapping | None:
    """One entry, held until the transaction ends."""
    return (
        connection.execute(
            sa.select(quarantine)
            .where(quarantine.c.quarantine_entry_id == entry_id)
            .with_for_update()
        )
        .mappings()
        .one_or_none()
    )


def set_retrying(connection: Connection, entry_id: UUID) -> RowMapping:
    """The entry is in the queue again."""
    return (
        connection.execute(
            sa.update(quarantine)
            .where(quarantine.c.quarantine_entry_id == entry_id)
            .values(state="retrying", updated_at=sa.func.now())
            .returning(quarantine)
        )
        .mappings()
        .one()
    )


def quarantine_counts(connection: Connection, source: str) -> dict[str, int]:
    """How many entries are in which state."""
    rows = connection.execute(
        sa.select(quarantine.c.state, sa.func.count())
        .where(quarantine.c.source == source)
        .group_by(quarantine.c.state)
    )
    return {row[0]: row[1] for row in rows}


def forget(connection: Connection, run_id: UUID) -> None:
    """A run that never began, because another of its stage was under way."""
    connection.execute(
        sa.delete(sync_run).where(sync_run.c.sync_run_id == run_id, sync_run.c.started_at.is_(None))
    )
