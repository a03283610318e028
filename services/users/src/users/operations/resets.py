"""Replacing a forgotten password."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import uuid7
from chassis.jobs import enqueue
from chassis.mail import Mail
from users.domain.accounts import Account, ResetTokenInvalid
from users.domain.resets import (
    MOST_RESET_MAILS,
    RESET_MAILS_WINDOW,
    RESET_TOKEN_LIFE,
    SUBJECT,
    mail_text,
)
from users.operations.sessions import end_sessions, hashed
from users.store import accounts, resets
from users.store.audit import AuditEntry, insert_audit_entry

MAIL_RESET = "mail_password_reset"
_TOKEN_BYTES = 32


def request_reset(connection: Connection, account: Account | None) -> None:
    """Have a job do the rest. One is made for nobody too: answers must not differ, nor their time.

    The token is made when the mail is, so that until then it is nowhere.
    """
    user_id = "" if account is None else str(account.user_id)
    enqueue(connection, MAIL_RESET, key=str(uuid7()), payload={"user_id": user_id})


@dataclass(frozen=True)
class ResetMail:
    """A mail that is to go out, and the token that works from before it does."""

    user_id: UUID
    token_hash: bytes
    mail: Mail


def make_reset(connection: Connection, user_id: UUID, page: str, at: datetime) -> ResetMail | None:
    """A new token and its mail, or None when this person is not to get one."""
    account = accounts.locked_account(connection, user_id)
    if account is None or account.status != "active":
        return None
    if resets.resets_since(connection, user_id, at - RESET_MAILS_WINDOW) >= MOST_RESET_MAILS:
        return None
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    resets.insert_reset(connection, hashed(token), user_id, expires_at=at + RESET_TOKEN_LIFE, at=at)
    mail = Mail(account.email, SUBJECT, mail_text(account.username, token, page))
    return ResetMail(user_id, hashed(token), mail)


def note_reset(connection: Connection, made: ResetMail, at: datetime) -> None:
    """Its mail went out; of who was erased meanwhile nothing is noted."""
    if accounts.locked_account(connection, made.user_id) is not None:
        entry = AuditEntry("user.password_reset_requested", at, None, str(made.user_id))
        insert_audit_entry(connection, entry)


def check_reset_token(connection: Connection, token: str, at: datetime) -> UUID:
    """Whose password it may replace, or ResetTokenInvalid."""
    user_id = resets.user_of_reset(connection, hashed(token), at)
    if user_id is None:
        raise ResetTokenInvalid("the token is not known, was used or has expired")
    return user_id


def confirm_reset(
    connection: Connection, user_id: UUID, token: str, new_hash: str, *, address: str, at: datetime
) -> list[UUID]:
    """Set the password; every token and every session of before ends. Of many at once, one does."""
    account = accounts.locked_account(connection, user_id)
    check_reset_token(connection, token, at)
    if account is None or account.status != "active":
        raise ResetTokenInvalid("the account is not active")
    resets.end_resets(connection, user_id, at)
    accounts.update_account(connection, user_id, {"password_hash": new_hash}, at)
    entry = AuditEntry("user.password_reset", at, user_id, str(user_id), address=address)
    insert_audit_entry(connection, entry)
    return end_sessions(connection, user_id, actor=user_id, at=at)
