"""The stages of the sync, who starts one, what a change log tells, and what is refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from chassis.errors import Conflict, NotFound

STAGES: Final = ("reference", "census", "lists", "backfill", "delta", "refresh")
ALL_STAGES: Final = "all"
MOVIES_STAGE: Final = "movies"


class SyncRunNotFound(NotFound):
    """No such run."""


class QuarantineEntryNotFound(NotFound):
    """No such entry."""


class QuarantineEntryResolved(Conflict):
    """The record was loaded since, or is gone; there is nothing left to retry."""


@dataclass(frozen=True, slots=True)
class Admin:
    """Who does something of which the audit log is to know, from where and when."""

    user_id: UUID
    address: str
    """Truncated; empty when unknown."""
    acted_at: datetime


@dataclass(frozen=True, slots=True)
class Edited:
    """Movies that the change log names may have been edited until `at`. Who was queued for it from
    `since` on is so again, while the log grows, once what we have is `again_seconds` old."""

    since: datetime
    at: datetime
    again_seconds: int | None = None
