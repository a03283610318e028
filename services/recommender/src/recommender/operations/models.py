"""The registry of models: when to train, what is promoted, and what may be rolled back to."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis import jobs
from chassis.outbox import publish
from recommender.domain import Admin, ModelNotFound, ModelUnusable
from recommender.messages import answers, facts
from recommender.operations.ahead import start_preparing
from recommender.operations.lists import STREAM
from recommender.ranking.ensemble import FORMAT
from recommender.store import models

_RECENT = 200
# This share of all that is new came since the last look, while people or their data pour in.
_POURING_SHARE = 0.1
# Whatever failed a training for good would fail the next one too.
_PAUSE_AFTER_FAILURE = timedelta(hours=1)
TRAINING, SEARCHING = "train", "search"


def promote(
    connection: Connection, version: str, *, admin: Admin | None = None, at: datetime
) -> None:
    """Make a stored model the live one; replicas load it within a second."""
    models.lock_registry(connection)
    found = models.find_model(connection, version)
    if found is None:
        raise ModelNotFound("no such model")
    if not found.artefacts:
        raise ModelUnusable("the model is not stored")
    if not is_of_this_release(found):
        raise ModelUnusable("another release made the model; train a new one")
    if found.state != "live":
        before = models.live_model(connection)
        models.promote(connection, version)
        start_preparing(connection, version)
        publish(connection, STREAM, [facts.model_promoted(version, at)])
        if admin is not None:
            details = {"instead_of": None if before is None else before.model_version}
            acted = facts.admin_acted(admin, "model.promoted", version, details)
            publish(connection, STREAM, [acted])


def start_training(connection: Connection, request_id: str, *, admin: Admin | None = None) -> UUID:
    """Have a model trained; one training runs at a time, and a request id starts only one."""
    for record in jobs.latest(connection, TRAINING, _RECENT) if request_id else ():
        if record.payload.get("request_id") == request_id:
            return record.job_id
    payload = {"request_id": request_id}
    job_id = jobs.enqueue(connection, TRAINING, key=TRAINING, payload=payload, max_attempts=3)
    if admin is not None:
        acted = facts.admin_acted(admin, "model.training_requested", str(job_id), {})
        publish(connection, STREAM, [acted])
    return job_id


def start_search(connection: Connection) -> UUID:
    """Have better options of training looked for, one search at a time."""
    return jobs.enqueue(connection, SEARCHING, key=SEARCHING, max_attempts=3)


def is_of_this_release(row: Any) -> bool:
    """Whether this release can read a stored model."""
    return row.meta.get("format") == FORMAT


def training_is_due(
    count: int, before: int, last: Any, *, first: int, share: float, oldest: datetime
) -> bool:
    """Whether there is enough new since the last training, of whatever outcome: for a first model,
    for a soon one, for a regular one.

    Not while it pours in: before an import's end a training would learn half of it.
    """
    if last is None or not is_of_this_release(last):
        new, due = count, count >= first
    else:
        new = abs(count - last.counted_interactions)
        regular = last.trained_at < oldest and new > 0
        due = regular or new >= max(share * last.counted_interactions, first)
    return due and abs(count - before) <= _POURING_SHARE * new


def failed_lately(connection: Connection, now: datetime) -> bool:
    """Whether the last training failed for good, and not long ago."""
    return any(
        record.state == "failed"
        and record.finished_at is not None
        and record.finished_at > now - _PAUSE_AFTER_FAILURE
        for record in jobs.latest(connection, TRAINING, 1)
    )


def forget(connection: Connection, kept: int) -> set[str]:
    """Close models whose training failed and give up those beyond keeping; the versions of all that
    are not stored any more, whose files may go once this is committed."""
    models.lock_registry(connection)
    for row in models.training_models(connection):
        record = jobs.find(connection, row.job_id)
        if record is not None and record.state == "failed":
            note = f"the training failed: {answers.last_line(record.error)}"
            models.close_model(connection, row.model_version, state="rejected", note=note)
    for version in models.superfluous_models(connection, kept):
        models.close_model(connection, version, artefacts={})
    return models.models_without_files(connection)
