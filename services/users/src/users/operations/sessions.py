"""Beginning, refreshing and ending sessions."""

import secrets
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import uuid7
from users.domain.accounts import Account
from users.domain.sessions import Device, RefreshToken, Verdict, judge, refresh_expires_at
from users.operations import facts
from users.operations.signing_keys import Keyring, session_of
from users.store import sessions as rows
from users.store.accounts import account as account_of
from users.store.audit import AuditEntry, insert_audit_entry

_TOKEN_BYTES = 32
_PATIENCE_SECONDS = 0.1


@dataclass(frozen=True)
class Tokens:
    """How tokens are made."""

    keyring: Keyring
    refresh_token_days: int


@dataclass(frozen=True)
class TokenPair:
    """What a person gets; the refresh token is known to nobody else from here on."""

    access_token: str
    refresh_token: str
    session_id: UUID


@dataclass(frozen=True)
class Refreshed:
    """The answer to a refresh token: who and what they get, or what ended because of it."""

    account: Account | None = None
    pair: TokenPair | None = None
    ended_session_id: UUID | None = None


class Presentations:
    """Which refresh tokens are being presented to this process right now, and how often."""

    def __init__(self) -> None:
        self._present: dict[bytes, list[threading.Event]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, refresh_token: str) -> Generator[Callable[[float], bool]]:
        """Gives a function that waits, so many seconds, for others to present it too."""
        key, accompanied = hashed(refresh_token), threading.Event()
        with self._lock:
            together = self._present.setdefault(key, [])
            together.append(accompanied)
            for each in together if len(together) > 1 else ():
                each.set()
        try:
            yield accompanied.wait
        finally:
            with self._lock:
                together.remove(accompanied)
                if not together:
                    del self._present[key]


def begin_session(
    connection: Connection, tokens: Tokens, account: Account, device: Device, at: datetime
) -> TokenPair:
    """A new session: a new family of refresh tokens."""
    session_id = uuid7()
    expires_at = refresh_expires_at(at, tokens.refresh_token_days)
    rows.insert_session(
        connection, session_id, account.user_id, device, expires_at=expires_at, at=at
    )
    facts.user_logged_in(connection, account.user_id, session_id, device, at)
    details = {"session_id": str(session_id)}
    _record(connection, "user.login", account.user_id, device.address, details, at)
    return _issue(connection, tokens, account, session_id, expires_at, at)


def refresh_session(
    connection: Connection,
    tokens: Tokens,
    refresh_token: str,
    device: Device,
    *,
    asked_at: datetime,
    accompanied: Callable[[float], bool],
    now: Callable[[], datetime],
) -> Refreshed:
    """Exchange a refresh token for a new pair, or do what its misuse demands."""
    token_hash = hashed(refresh_token)
    token, waited = rows.locked_refresh_token(connection, token_hash)
    if token is None:
        return Refreshed()
    at = now()  # the wait for the lock is over
    overlapped = waited or accompanied(0.0)
    verdict = judge(token, asked_at=asked_at, overlapped=overlapped, now=at)
    if verdict is Verdict.REUSED:
        # The first of a burst may come alone: let the others show themselves.
        overlapped = accompanied(_PATIENCE_SECONDS)
        verdict = judge(token, asked_at=asked_at, overlapped=overlapped, now=at)
    if verdict is Verdict.RACED:
        rows.mark_contested(connection, token_hash, at)
    if verdict is Verdict.REUSED:
        return _end_family(connection, token, device, at)
    account = account_of(connection, token.user_id)
    if verdict is not Verdict.ROTATE or account is None or account.status != "active":
        return Refreshed()
    expires_at = refresh_expires_at(at, tokens.refresh_token_days)
    rows.mark_used(connection, token_hash, at)
    rows.touch_session(connection, token.session_id, device, expires_at=expires_at, at=at)
    pair = _issue(connection, tokens, account, token.session_id, expires_at, at)
    return Refreshed(account=account, pair=pair)


def log_out(connection: Connection, token: str, *, address: str, at: datetime) -> UUID | None:
    """End the session that a refresh or access token belongs to, if any."""
    found = rows.session_of_token(connection, hashed(token)) or session_of(connection, token)
    if found is None:
        return None
    session_id, user_id = found
    if not rows.revoke_session(connection, session_id, user_id, at):
        return None
    facts.user_logged_out(connection, user_id, session_id, at)
    facts.sessions_revoked(connection, user_id, [session_id], actor=user_id, at=at)
    _record(connection, "user.logout", user_id, address, {"session_id": str(session_id)}, at)
    return session_id


def end_session(
    connection: Connection, user_id: UUID, session_id: UUID, *, address: str, at: datetime
) -> bool:
    """End one of a person's own sessions; False when there is no such live one."""
    if not rows.revoke_session(connection, session_id, user_id, at):
        return False
    facts.sessions_revoked(connection, user_id, [session_id], actor=user_id, at=at)
    details = {"session_id": str(session_id)}
    _record(connection, "user.session_revoked", user_id, address, details, at)
    return True


def end_sessions(
    connection: Connection,
    user_id: UUID,
    *,
    actor: UUID | None,
    at: datetime,
    but: UUID | None = None,
) -> list[UUID]:
    """End all sessions of a person, but for one."""
    ended = rows.revoke_sessions(connection, user_id, at, but=but)
    facts.sessions_revoked(connection, user_id, ended, actor=actor, at=at)
    return ended


def record_failed_login(
    connection: Connection, user_id: UUID | None, device: Device, at: datetime
) -> None:
    """Somebody tried to be this person, or one who does not exist."""
    _record(connection, "user.login_failed", None, device.address, {}, at, subject=user_id)


def hashed(token: str) -> bytes:
    """What is stored of a refresh token: 256 random bits need no slow hash."""
    return sha256(token.encode()).digest()


def _issue(
    connection: Connection,
    tokens: Tokens,
    account: Account,
    session_id: UUID,
    expires_at: datetime,
    at: datetime,
) -> TokenPair:
    refresh_token = secrets.token_urlsafe(_TOKEN_BYTES)
    rows.insert_refresh_token(
        connection, hashed(refresh_token), session_id, expires_at=expires_at, at=at
    )
    access_token = tokens.keyring.access_token(connection, account, session_id, at)
    return TokenPair(access_token, refresh_token, session_id)


def _end_family(
    connection: Connection, token: RefreshToken, device: Device, at: datetime
) -> Refreshed:
    rows.revoke_session(connection, token.session_id, token.user_id, at)
    facts.sessions_revoked(connection, token.user_id, [token.session_id], actor=None, at=at)
    details = {"session_id": str(token.session_id)}
    action = "user.refresh_token_reused"
    _record(connection, action, None, device.address, details, at, subject=token.user_id)
    return Refreshed(ended_session_id=token.session_id)


def _record(
    connection: Connection,
    action: str,
    actor: UUID | None,
    address: str,
    details: dict[str, str],
    at: datetime,
    *,
    subject: UUID | None = None,
) -> None:
    entry = AuditEntry(action, at, actor, str(subject or actor or ""), dict(details), address)
    insert_audit_entry(connection, entry)
