"""Rows of the audit log, which are only ever added."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from chassis.database import uuid7
from users.tables import audit_log


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, to whom, from where."""

    action: str
    occurred_at: datetime
    actor_user_id: UUID | None = None
    subject: str = ""
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    address: str = ""
    audit_entry_id: UUID = field(default_factory=uuid7)


def insert_audit_entry(connection: Connection, entry: AuditEntry) -> None:
    """Add one line."""
    connection.execute(
        sa.insert(audit_log).values(
            audit_entry_id=entry.audit_entry_id,
            actor_user_id=entry.actor_user_id,
            action=entry.action,
            subject=entry.subject,
            details=entry.details,
            address=entry.address,
            occurred_at=entry.occurred_at,
        )
    )


def audit_entries_after(
    connection: Connection,
    *,
    action: str,
    actor_user_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> list[AuditEntry]:
    """Lines of this action or actor, or all, newest first."""
    statement = (
        sa.select(
            audit_log.c.action,
            audit_log.c.occurred_at,
            audit_log.c.actor_user_id,
            audit_log.c.subject,
            audit_log.c.details,
            audit_log.c.address,
            audit_log.c.audit_entry_id,
        )
        .order_by(audit_log.c.audit_entry_id.desc())
        .limit(limit)
    )
    if action:
        statement = statement.where(audit_log.c.action == action)
    if actor_user_id is not None:
        statement = statement.where(audit_log.c.actor_user_id == actor_user_id)
    if after is not None:
        statement = statement.where(audit_log.c.audit_entry_id < after)
    return [AuditEntry(*row) for row in connection.execute(statement)]
