"""Making and changing accounts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from chassis.database import uuid7, violated
from chassis.erasure import Tombstones
from users.domain.accounts import (
    Account,
    EmailTaken,
    LastAdmin,
    Role,
    Status,
    UsernameTaken,
    UserNotFound,
    fold,
)
from users.domain.etags import check_etag
from users.operations import facts
from users.operations.sessions import end_sessions
from users.store import accounts as rows
from users.store.audit import AuditEntry, insert_audit_entry
from users.store.erasures import retired
from users.store.profiles import insert_preferences, insert_profiles, preferences_of_all
from users.store.resets import end_resets


@dataclass(frozen=True)
class Newcomer:
    """Somebody to make an account for."""

    username: str
    email: str
    password_hash: str | None
    registered_at: datetime


def username_pseudonym(tombstones: Tombstones, username: str) -> UUID:
    """What a name that nobody gets again is known by, in any spelling."""
    return tombstones.of(f"username {fold(username)}")


def refuse_retired(
    connection: Connection, tombstones: Tombstones, usernames: Iterable[str]
) -> None:
    """Refuse the name of somebody who was erased: nobody is to pass for them."""
    known = {username_pseudonym(tombstones, name): name for name in usernames}
    for pseudonym in retired(connection, known):
        raise UsernameTaken("this username is taken", username=known[pseudonym])


def refuse_taken(connection: Connection, tombstones: Tombstones, username: str, email: str) -> None:
    """Refuse a name or an address that somebody has; a look that costs no hash."""
    username_taken, email_taken = rows.taken(connection, username, email)
    if username_taken:
        raise UsernameTaken("this username is taken")
    refuse_retired(connection, tombstones, [username])  # after, for it may just have become so
    if email_taken:
        raise EmailTaken("this e-mail address is registered")


def register(
    connection: Connection, tombstones: Tombstones, newcomer: Newcomer, at: datetime
) -> Account:
    """One account with profile and preferences; of many who want one name, one gets it."""
    account = _account(newcomer, at)
    if not _keep(connection, [account], at):
        refuse_taken(connection, tombstones, newcomer.username, newcomer.email)
        raise UsernameTaken("this username was taken a moment ago")
    return account


def create_users(
    connection: Connection, tombstones: Tombstones, newcomers: Sequence[Newcomer], at: datetime
) -> tuple[list[UUID], int]:
    """Ids in the order asked for, and how many are new; a name that exists is left as it is."""
    # In one order everywhere, so that two imports wait for each other instead of deadlocking.
    wanted = {fold(newcomer.username): newcomer for newcomer in reversed(newcomers)}
    known = rows.user_ids_by_username(connection, wanted)
    missing = [wanted[key] for key in sorted(wanted.keys() - known.keys())]
    refuse_retired(connection, tombstones, [newcomer.username for newcomer in missing])
    created = _keep(connection, [_account(newcomer, at) for newcomer in missing], at)
    known = rows.user_ids_by_username(connection, wanted)
    keys = [fold(newcomer.username) for newcomer in newcomers]
    for key, newcomer in zip(keys, newcomers, strict=True):
        if key not in known:
            raise EmailTaken("this address belongs to another user", username=newcomer.username)
    return [known[key] for key in keys], created


def update_user(
    connection: Connection,
    tombstones: Tombstones,
    verified: Account,
    changes: dict[str, Any],
    *,
    etag: str,
    address: str,
    at: datetime,
) -> Account:
    """Change the username or the address; the latter only of the account that was verified."""
    user_id = verified.user_id
    account = existing(connection, user_id)
    check_etag(etag, account.version)
    changed = {name: value for name, value in changes.items() if getattr(account, name) != value}
    if not changed:
        return account
    if "email" in changed:
        still_verified(account, verified)
    updated = _updated(connection, user_id, changed, at)
    if "username" in changed:
        # After the write, which waits while whoever has the name is being erased.
        refuse_retired(connection, tombstones, [changed["username"]])
    if "email" in changed:
        end_resets(connection, user_id, at)  # they were mailed to the address of before
    details = {"fields": sorted(changed)}
    entry = AuditEntry("user.updated", at, user_id, str(user_id), details, address)
    insert_audit_entry(connection, entry)
    return updated


def change_password(
    connection: Connection,
    account: Account,
    new_hash: str,
    *,
    session_id: UUID | None,
    address: str,
    at: datetime,
) -> list[UUID]:
    """Set another password; mailed tokens end with the old one, and these sessions."""
    still_verified(existing(connection, account.user_id), account)
    rows.update_account(connection, account.user_id, {"password_hash": new_hash}, at)
    end_resets(connection, account.user_id, at)
    user_id, action = account.user_id, "user.password_changed"
    entry = AuditEntry(action, at, user_id, str(user_id), address=address)
    insert_audit_entry(connection, entry)
    return end_sessions(connection, account.user_id, but=session_id, actor=account.user_id, at=at)


def update_access(
    connection: Connection,
    user_id: UUID,
    *,
    role: Role | None,
    status: Status | None,
    actor: UUID | None,
    address: str = "",
    at: datetime,
) -> tuple[Account, list[UUID]]:
    """Change what somebody may do; sessions that knew them otherwise end."""
    has_other = rows.has_other_admin(connection, user_id)
    account = existing(connection, user_id)
    wanted = {"role": role or account.role, "status": status or account.status}
    if wanted == {"role": account.role, "status": account.status}:
        return account, []
    if _is_admin(account.role, account.status) and not _is_admin(**wanted) and not has_other:
        raise LastAdmin("somebody must remain who can let others in")
    updated = rows.update_account(connection, user_id, wanted, at)
    facts.access_changed(connection, updated, actor)
    _record_access(connection, account, updated, actor, address)
    ended = end_sessions(connection, user_id, actor=actor, at=at)
    return updated, ended


def existing(connection: Connection, user_id: UUID) -> Account:
    """The account, locked, or UserNotFound."""
    account = rows.locked_account(connection, user_id)
    if account is None:
        raise UserNotFound("there is no such user")
    return account


def still_verified(now: Account, verified: Account) -> None:
    """Refuse when the password was replaced while it was being verified, or the address was:
    whoever gives the one that was theirs a moment ago was asked for none."""
    if (now.password_hash, now.email) != (verified.password_hash, verified.email):
        check_etag("superseded", now.version)


def _is_admin(role: str, status: str) -> bool:
    return role == "admin" and status == "active"


def _record_access(
    connection: Connection, before: Account, after: Account, actor: UUID | None, address: str
) -> None:
    pairs = {
        "user.role_changed": (before.role, after.role),
        "user.status_changed": (before.status, after.status),
    }
    for action, (old, new) in pairs.items():
        if old != new:
            details = {"from": old, "to": new}
            subject = str(after.user_id)
            entry = AuditEntry(action, after.updated_at, actor, subject, details, address)
            insert_audit_entry(connection, entry)


def _account(newcomer: Newcomer, at: datetime) -> Account:
    return Account(
        user_id=uuid7(),
        username=newcomer.username,
        email=newcomer.email,
        role="user",
        status="active",
        password_hash=newcomer.password_hash,
        version=1,
        created_at=newcomer.registered_at,
        updated_at=at,
    )


def _keep(connection: Connection, accounts: Sequence[Account], at: datetime) -> int:
    """Store those that can be, with all that exists from a registration on; how many."""
    if not accounts:
        return 0
    kept_ids = rows.insert_accounts(connection, accounts)
    kept = [account for account in accounts if account.user_id in kept_ids]
    if not kept:
        return 0
    user_ids = [account.user_id for account in kept]
    insert_profiles(connection, user_ids, at)
    insert_preferences(connection, user_ids, at)
    facts.accounts_registered(connection, kept, preferences_of_all(connection, user_ids))
    return len(kept)


def _updated(
    connection: Connection, user_id: UUID, changes: dict[str, Any], at: datetime
) -> Account:
    try:
        return rows.update_account(connection, user_id, changes, at)
    except IntegrityError as error:
        if violated(error) == "user_username_key":
            raise UsernameTaken("this username is taken") from error
        if violated(error) == "user_email_key":
            raise EmailTaken("this e-mail address is registered") from error
        raise
