"""Rows of sessions and their refresh tokens."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from users.domain.sessions import Device, RefreshToken, Session
from users.tables import refresh_token, session

_TOKEN = (
    sa.select(
        refresh_token.c.session_id,
        session.c.user_id,
        refresh_token.c.expires_at,
        session.c.revoked_at,
        refresh_token.c.used_at,
        refresh_token.c.contested_at,
    )
    .join(session, session.c.session_id == refresh_token.c.session_id)
    .where(refresh_token.c.token_hash == sa.bindparam("token_hash"))
)
_FAMILY = sa.select(session.c.session_id).where(
    session.c.session_id
    == sa.select(refresh_token.c.session_id)
    .where(refresh_token.c.token_hash == sa.bindparam("token_hash"))
    .scalar_subquery()
)


def insert_session(
    connection: Connection,
    session_id: UUID,
    user_id: UUID,
    device: Device,
    *,
    expires_at: datetime,
    at: datetime,
) -> None:
    """A new session, without tokens yet."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "user_id": user_id,
        "address": device.address,
        "agent": device.agent,
        "last_seen_at": at,
        "expires_at": expires_at,
        "created_at": at,
        "updated_at": at,
    }
    connection.execute(sa.insert(session).values(values))


def insert_refresh_token(
    connection: Connection,
    token_hash: bytes,
    session_id: UUID,
    *,
    expires_at: datetime,
    at: datetime,
) -> None:
    """The live token of a session."""
    values: dict[str, Any] = {
        "token_hash": token_hash,
        "session_id": session_id,
        "expires_at": expires_at,
        "created_at": at,
        "updated_at": at,
    }
    connection.execute(sa.insert(refresh_token).values(values))


def locked_refresh_token(
    connection: Connection, token_hash: bytes
) -> tuple[RefreshToken | None, bool]:
    """The token with its whole family locked, and whether another request held that lock."""
    key = {"token_hash": token_hash}
    at_once = _FAMILY.with_for_update(skip_locked=True)
    waited = connection.execute(at_once, key).one_or_none() is None
    if waited:
        connection.execute(_FAMILY.with_for_update(), key)
    row = connection.execute(_TOKEN, key).one_or_none()
    return (None if row is None else RefreshToken(*row)), waited


def session_of_token(connection: Connection, token_hash: bytes) -> tuple[UUID, UUID] | None:
    """Session and user a refresh token, old or live, belongs to."""
    row = connection.execute(_TOKEN, {"token_hash": token_hash}).one_or_none()
    return None if row is None else (row.session_id, row.user_id)


def mark_used(connection: Connection, token_hash: bytes, at: datetime) -> None:
    """It has been exchanged, and will not be again."""
    _update_token(connection, token_hash, used_at=at, updated_at=at)


def mark_contested(connection: Connection, token_hash: bytes, at: datetime) -> None:
    """Another one who raced with its rotation has been turned away."""
    _update_token(connection, token_hash, contested_at=at, updated_at=at)


def touch_session(
    connection: Connection, session_id: UUID, device: Device, *, expires_at: datetime, at: datetime
) -> None:
    """The session was refreshed, from there."""
    connection.execute(
        sa.update(session)
        .where(session.c.session_id == session_id)
        .values(
            address=device.address,
            agent=device.agent,
            expires_at=expires_at,
            last_seen_at=at,
            updated_at=at,
        )
    )


def revoke_session(connection: Connection, session_id: UUID, user_id: UUID, at: datetime) -> bool:
    """End this session of this person's; False when it had ended or is not theirs."""
    return bool(_revoked(connection, at, session.c.session_id == session_id, _is(user_id)))


def revoke_sessions(
    connection: Connection, user_id: UUID, at: datetime, *, but: UUID | None = None
) -> list[UUID]:
    """End all of a person's live sessions, but for one; the ids of those that ended."""
    others = sa.true() if but is None else session.c.session_id != but
    return _revoked(connection, at, _is(user_id), session.c.expires_at > at, others)


def sessions_of(
    connection: Connection, user_id: UUID, *, at: datetime, after: UUID | None, limit: int
) -> list[Session]:
    """Live sessions, newest first."""
    statement = (
        sa.select(
            session.c.session_id,
            session.c.address,
            session.c.agent,
            session.c.created_at,
            session.c.last_seen_at,
        )
        .where(_is(user_id), session.c.revoked_at.is_(None), session.c.expires_at > at)
        .order_by(session.c.session_id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(session.c.session_id < after)
    return [Session(*row) for row in connection.execute(statement)]


def delete_ended_sessions(connection: Connection, before: datetime, limit: int) -> int:
    """Forget sessions that expired before then, with their tokens; how many."""
    chosen = (
        sa.select(session.c.session_id)
        .where(session.c.expires_at < before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = sa.delete(session).where(session.c.session_id.in_(chosen))
    return connection.execute(statement).rowcount


def delete_old_tokens(connection: Connection, before: datetime, limit: int) -> int:
    """Forget exchanged tokens that would have expired before then; how many."""
    chosen = (
        sa.select(refresh_token.c.token_hash)
        .where(refresh_token.c.expires_at < before, refresh_token.c.used_at.is_not(None))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = sa.delete(refresh_token).where(refresh_token.c.token_hash.in_(chosen))
    return connection.execute(statement).rowcount


def _is(user_id: UUID) -> sa.ColumnElement[bool]:
    return session.c.user_id == user_id


def _revoked(
    connection: Connection, at: datetime, *conditions: sa.ColumnElement[bool]
) -> list[UUID]:
    statement = (
        sa.update(session)
        .where(session.c.revoked_at.is_(None), *conditions)
        .values(revoked_at=at, updated_at=at)
        .returning(session.c.session_id)
    )
    return list(connection.execute(statement).scalars())


def _update_token(connection: Connection, token_hash: bytes, **values: datetime) -> None:
    connection.execute(
        sa.update(refresh_token).where(refresh_token.c.token_hash == token_hash).values(**values)
    )
