"""Rows of password resets."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from users.tables import password_reset

_NOT_ENDED = password_reset.c.expires_at > password_reset.c.created_at


def insert_reset(
    connection: Connection, token_hash: bytes, user_id: UUID, *, expires_at: datetime, at: datetime
) -> None:
    """A token that is to be mailed."""
    connection.execute(
        sa.insert(password_reset).values(
            token_hash=token_hash,
            user_id=user_id,
            expires_at=expires_at,
            created_at=at,
            updated_at=at,
        )
    )


def delete_reset(connection: Connection, token_hash: bytes) -> None:
    """A token whose mail did not go out, and so counts for nothing."""
    connection.execute(sa.delete(password_reset).where(password_reset.c.token_hash == token_hash))


def resets_since(connection: Connection, user_id: UUID, since: datetime) -> int:
    """How many tokens this person was mailed since then."""
    statement = sa.select(sa.func.count()).where(
        password_reset.c.user_id == user_id, password_reset.c.created_at > since
    )
    return connection.execute(statement).scalar_one()


def user_of_reset(connection: Connection, token_hash: bytes, at: datetime) -> UUID | None:
    """Whose password a token may replace now; None when it never did, or no longer does."""
    statement = sa.select(password_reset.c.user_id).where(
        password_reset.c.token_hash == token_hash, password_reset.c.expires_at > at, _NOT_ENDED
    )
    return connection.execute(statement).scalar_one_or_none()


def end_resets(connection: Connection, user_id: UUID, at: datetime) -> None:
    """No token mailed so far works any more, whatever time it is for who asks; the rows still
    count against the limit."""
    connection.execute(
        sa.update(password_reset)
        .where(password_reset.c.user_id == user_id, _NOT_ENDED)
        .values(expires_at=password_reset.c.created_at, updated_at=at)
    )


def delete_old_resets(connection: Connection, before: datetime, limit: int) -> int:
    """Forget tokens that were mailed before then; how many."""
    chosen = (
        sa.select(password_reset.c.token_hash)
        .where(password_reset.c.created_at < before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = sa.delete(password_reset).where(password_reset.c.token_hash.in_(chosen))
    return connection.execute(statement).rowcount
