"""Erasing a person: begun here, done by every service, ended here."""

from datetime import datetime
from uuid import UUID

import redis
from sqlalchemy.engine import Connection

from chassis import erasure
from chassis.database import Database, uuid7
from chassis.erasure import Tombstones
from chassis.jobs import enqueue
from chassis.outbox import wait_for_publishers
from users.domain.accounts import Account, LastAdmin
from users.domain.erasures import SERVICES, ErasureNotFound
from users.operations import facts
from users.operations.accounts import existing, still_verified, username_pseudonym
from users.store import accounts, erasures
from users.store.audit import AuditEntry, insert_audit_entry

FINISH = "finish_erasure"
_STREAM = "users.events"
_ATTEMPTS = 1_000_000
_STATEMENT_SECONDS = 300


def begin_erasure(
    connection: Connection, tombstones: Tombstones, verified: Account, at: datetime
) -> tuple[UUID, list[UUID]]:
    """The account is gone with the commit; the saga that does the rest, and whose tokens end."""
    user_id = verified.user_id
    has_other_admin = accounts.has_other_admin(connection, user_id)
    account = existing(connection, user_id)
    still_verified(account, verified)
    if account.role == "admin" and account.status == "active" and not has_other_admin:
        raise LastAdmin("somebody must remain who can let others in")
    erasure_id, pseudonym = uuid7(), tombstones.of(user_id)
    session_ids = erasures.sessions_to_end(connection, user_id)
    erasure.begin(connection, tombstones, erasure_id, user_id)
    erasures.retire_username(connection, username_pseudonym(tombstones, account.username))
    erasures.delete_account(connection, user_id)
    erasures.pseudonymise_audit(connection, user_id, pseudonym, mentions=False)
    requested = AuditEntry("user.erasure_requested", at, pseudonym, str(pseudonym))
    insert_audit_entry(connection, requested)
    facts.nameless_sessions_revoked(connection, [*session_ids, user_id], at)
    facts.erasure_requested(connection, erasure_id, user_id, at)
    return erasure_id, [*session_ids, user_id]


def acknowledge_erasure(
    connection: Connection, erasure_id: UUID, service: str, deleted_rows_count: int, at: datetime
) -> bool:
    """Whether all have done their part; whoever comes last has the end made."""
    if not erasures.lock_erasure(connection, erasure_id):
        raise ErasureNotFound("there is no such erasure")
    erasures.keep_acknowledgement(connection, erasure_id, service, deleted_rows_count, at)
    if not erasures.acknowledged(connection, erasure_id).keys() >= SERVICES:
        return False
    if erasure.unfinished_user(connection, erasure_id) is not None:
        payload = {"erasure_id": str(erasure_id)}
        enqueue(connection, FINISH, key=str(erasure_id), payload=payload, max_attempts=_ATTEMPTS)
    return True


def finish_erasure(
    database: Database,
    tombstones: Tombstones,
    erasure_id: UUID,
    *,
    job_id: UUID,
    streams: redis.Redis,
    cache: redis.Redis,
    at: datetime,
) -> None:
    """Delete what only messages, audit lines and Redis still hold, once all services are done."""
    with database.read() as connection:
        user_id = erasure.unfinished_user(connection, erasure_id)
    if user_id is None:
        return
    erasure.forget_entries(streams, _STREAM, user_id)
    for client in (streams, cache):
        erasure.forget_keys(client, user_id)
    pseudonym = tombstones.of(user_id)
    with database.begin(statement_timeout_seconds=_STATEMENT_SECONDS) as connection:
        erasure.forget_rows(connection, user_id, by=job_id)
    with database.begin(statement_timeout_seconds=_STATEMENT_SECONDS) as connection:
        wait_for_publishers(connection)
    erasure.forget_entries(streams, _STREAM, user_id)  # what was published again meanwhile
    with database.begin(statement_timeout_seconds=_STATEMENT_SECONDS) as connection:
        erasures.pseudonymise_audit(connection, user_id, pseudonym, mentions=True)
        rows = erasures.acknowledged(connection, erasure_id)
        entry = AuditEntry("user.erased", at, None, str(pseudonym), {"deleted_rows": rows})
        insert_audit_entry(connection, entry)
        erasure.finish(connection, erasure_id)
