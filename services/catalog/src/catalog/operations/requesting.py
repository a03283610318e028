"""Asking for a run of the sync, and for a quarantined record to be tried again."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Connection, RowMapping

from catalog.domain.movies import BATCH_LIMIT
from catalog.domain.sync import (
    ALL_STAGES,
    MOVIES_STAGE,
    STAGES,
    Admin,
    QuarantineEntryNotFound,
    QuarantineEntryResolved,
)
from catalog.operations.facts import admin_acted
from catalog.store import items, quarantines, runs
from chassis.database import uuid7
from chassis.errors import Invalid
from chassis.jobs import enqueue

SYNC_JOB = "sync"


def chore_of(stage: str) -> str:
    """The kind of job that runs a stage by itself."""
    return f"sync_{stage}"


def request_sync(
    connection: Connection,
    *,
    stage: str,
    source: str,
    request_id: str = "",
    movie_ids: Sequence[int] = (),
    parameters: Mapping[str, Any] = MappingProxyType({}),
    admin: Admin | None = None,
) -> RowMapping:
    """The run that does it: a new one, that of the same request, or one that was asked for and is
    not over. What a chore or an operator runs may end without it."""
    stage = MOVIES_STAGE if movie_ids else stage
    _check(stage, movie_ids)
    wanted = {"movie_ids": list(dict.fromkeys(movie_ids))} if movie_ids else {}
    told = {**parameters, **wanted, "job": True}
    if not movie_ids and not request_id:
        under_way = runs.unfinished(connection, stage, source, told)
        if under_way is not None:
            return under_way
    run_id = uuid7()
    row = runs.create(
        connection,
        run_id=run_id,
        stage=stage,
        source=source,
        request_id=request_id or None,
        parameters=told,
    )
    if row["sync_run_id"] == run_id:
        enqueue(connection, SYNC_JOB, key=str(run_id), payload={"sync_run_id": str(run_id)})
        if admin is not None:
            details = {"stage": stage, **wanted}
            admin_acted(connection, admin, "sync.requested", str(run_id), details)
    return row


def retry_quarantined(connection: Connection, entry_id: UUID, admin: Admin | None) -> RowMapping:
    """Put the record back into the queue; the next backfill tries it."""
    entry = quarantines.entry(connection, entry_id)
    if entry is None:
        raise QuarantineEntryNotFound("there is no such entry", entry_id=str(entry_id))
    if entry["state"] == "resolved":
        raise QuarantineEntryResolved("the record was loaded meanwhile, or is gone")
    items.request(connection, entry["source"], [entry["source_id"]])
    enqueue(connection, chore_of("backfill"), key=f"retry:{entry_id}")
    if admin is not None:
        details = {"movie_id": entry["source_id"]}
        admin_acted(connection, admin, "quarantine.retried", str(entry_id), details)
    return quarantines.set_retrying(connection, entry_id)


def _check(stage: str, movie_ids: Sequence[int]) -> None:
    if movie_ids:
        if len(movie_ids) > BATCH_LIMIT:
            raise Invalid(f"at most {BATCH_LIMIT} movies", field="movie_ids")
        if min(movie_ids) < 1:
            raise Invalid("must be positive", field="movie_ids")
    elif stage not in (*STAGES, ALL_STAGES):
        raise Invalid(f"must be one of {', '.join((*STAGES, ALL_STAGES))}", field="stage")
