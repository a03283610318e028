"""The stages of the sync, who starts one, and what is refused about runs and the quarantine."""

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
