"""What admins see, as JSON."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from gateway.resources.shapes import LINE, Change, Input, LargestInt, Page, Shape, when
from gateway.resources.users import UserShape
from marquee.catalog.v1 import catalog_pb2
from marquee.recommender.v1 import recommender_pb2
from marquee.users.v1 import users_pb2

Stage = Literal["reference", "census", "backfill", "delta", "refresh", "lists", "all"]


class SyncInput(Input):
    """Body of `POST /admin/sync`."""

    stage: Stage = Field("all", description="Which stage.")
    movie_ids: list[Annotated[int, Field(ge=1, le=LargestInt)]] = Field(
        default_factory=list, max_length=500, description="Only these movies, whatever the stage."
    )


class AccessInput(Change):
    """Body of `PATCH /admin/users/{user_id}`; what is left out stays."""

    role: Literal["user", "admin"] = Field("user", description="New role.")
    status: Literal["active", "disabled"] = Field("active", description="New status.")


class UsersQuery(Page):
    """Query parameters of `GET /admin/users`."""

    q: Annotated[
        str,
        Field(
            max_length=200,
            description="Part of username or e-mail.",
            json_schema_extra={"pattern": LINE},
        ),
    ] = ""
    role: Literal["user", "admin"] | None = Field(None, description="Only this role.")
    status: Literal["active", "disabled"] | None = Field(None, description="Only this status.")


class QuarantineQuery(Page):
    """Query parameters of `GET /admin/sync/quarantine`."""

    state: Literal["open", "retrying", "resolved"] | None = Field(None, description="Only these.")


class AuditQuery(Page):
    """Query parameters of `GET /admin/audit-log`."""

    action: Annotated[
        str,
        Field(max_length=100, description="Only this action.", json_schema_extra={"pattern": LINE}),
    ] = ""
    actor_user_id: UUID | None = Field(None, description="Only by this user.")


class UserPage(Shape):
    """A page of accounts."""

    items: list[UserShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class SyncRunShape(Shape):
    """A run of the sync."""

    sync_run_id: str = Field(description="UUID.")
    stage: str = Field(description="Which stage.")
    state: str = Field(description="queued, running, done or failed.")
    started_at: str | None = Field(description="When it began.")
    finished_at: str | None = Field(description="When it ended.")
    done_count: int = Field(description="Records done.")
    remaining_count: int | None = Field(description="Records known to remain.")
    changed_count: int = Field(description="Records written anew or changed.")
    quarantined_count: int = Field(description="Records quarantined.")
    requests_count: int = Field(description="Requests sent.")
    rate: float = Field(description="Records a second.")
    error: str | None = Field(description="Why it failed, or what holds it up.")
    unknown_fields: dict[str, int] = Field(
        description="Fields that are new in TMDb's answers, by path: in how many of the bodies"
        " looked at (the first and each hundredth) they were."
    )


class SyncRunPage(Shape):
    """A page of runs."""

    items: list[SyncRunShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class QuarantineShape(Shape):
    """A record that could not be loaded."""

    quarantine_entry_id: str = Field(description="UUID.")
    kind: str = Field(description="movie, genre, list …")
    source_id: int | None = Field(description="Id in its source.")
    error: str = Field(description="Why.")
    body: str = Field(description="As received.")
    quarantined_at: str = Field(description="When.")
    attempts: int = Field(description="How often it was tried.")
    state: str = Field(description="open, retrying or resolved.")


class QuarantinePage(Shape):
    """A page of quarantined records."""

    items: list[QuarantineShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class ModelShape(Shape):
    """A trained recommender."""

    model_version: str = Field(description="Sorts by time.")
    state: str = Field(description="training, candidate, live, retired or rejected.")
    trained_at: str | None = Field(description="When its training ended.")
    promoted_at: str | None = Field(description="When it became live.")
    metrics: dict[str, float] = Field(description="Measured on a held-out split.")
    interactions_count: int = Field(description="Interactions it learnt from.")
    users_count: int = Field(description="People.")
    movies_count: int = Field(description="Movies.")
    training_seconds: float = Field(description="How long the training took.")
    note: str | None = Field(description="Why it was rejected.")


class ModelPage(Shape):
    """A page of models."""

    items: list[ModelShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class TrainingShape(Shape):
    """A training job."""

    training_id: str = Field(description="UUID.")
    state: str = Field(description="queued, running, done or failed.")
    step: str | None = Field(description="Step it is at.")
    progress: float = Field(description="0 to 1.")
    model_version: str | None = Field(description="The model it made.")
    error: str | None = Field(description="Why it failed.")
    started_at: str | None = Field(description="When it began.")


class AuditShape(Shape):
    """One line of the audit log."""

    audit_entry_id: str = Field(description="UUID.")
    actor_user_id: str | None = Field(description="Who; null for the suite itself.")
    action: str = Field(description="What.")
    subject: str = Field(description="To whom or what.")
    details: dict[str, Any] = Field(description="Details.")
    address: str | None = Field(description="Truncated address.")
    occurred_at: str = Field(description="When.")


class AuditPage(Shape):
    """A page of the audit log."""

    items: list[AuditShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


def run_json(run: catalog_pb2.SyncRun) -> dict[str, Any]:
    """A run of the sync."""
    return {
        "sync_run_id": run.sync_run_id,
        "stage": run.stage,
        "state": run.state,
        "started_at": when(run.started_at),
        "finished_at": when(run.finished_at),
        "done_count": run.done_count,
        "remaining_count": None if run.remaining_count < 0 else run.remaining_count,
        "changed_count": run.changed_count,
        "quarantined_count": run.quarantined_count,
        "requests_count": run.requests_count,
        "rate": run.rate,
        "error": run.error or None,
        "unknown_fields": dict(run.unknown_fields),
    }


def quarantine_json(entry: catalog_pb2.QuarantineEntry) -> dict[str, Any]:
    """A record that could not be loaded."""
    return {
        "quarantine_entry_id": entry.quarantine_entry_id,
        "kind": entry.kind,
        "source_id": entry.source_id or None,
        "error": entry.error,
        "body": entry.body,
        "quarantined_at": when(entry.quarantined_at),
        "attempts": entry.attempts,
        "state": entry.state,
    }


def model_json(model: recommender_pb2.Model) -> dict[str, Any]:
    """A trained recommender."""
    return {
        "model_version": model.model_version,
        "state": model.state,
        "trained_at": when(model.trained_at),
        "promoted_at": when(model.promoted_at),
        "metrics": dict(model.metrics),
        "interactions_count": model.interactions_count,
        "users_count": model.users_count,
        "movies_count": model.movies_count,
        "training_seconds": model.training_seconds,
        "note": model.note or None,
    }


def training_json(training: recommender_pb2.Training) -> dict[str, Any]:
    """A training job."""
    return {
        "training_id": training.training_id,
        "state": training.state,
        "step": training.step or None,
        "progress": training.progress,
        "model_version": training.model_version or None,
        "error": training.error or None,
        "started_at": when(training.started_at),
    }


def audit_json(entry: users_pb2.AuditEntry, details: dict[str, Any]) -> dict[str, Any]:
    """One line of the audit log."""
    return {
        "audit_entry_id": entry.audit_entry_id,
        "actor_user_id": entry.actor_user_id or None,
        "action": entry.action,
        "subject": entry.subject,
        "details": details,
        "address": entry.address or None,
        "occurred_at": when(entry.occurred_at),
    }
