"""Rows of people who are being erased, and of what must not be taken again."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from users.store.follows import lock_profiles
from users.tables import (
    audit_log,
    erasure,
    erasure_acknowledgement,
    follow,
    profile,
    retired_username,
    session,
    user,
)


def delete_account(connection: Connection, user_id: UUID) -> int:
    """Delete the account with all that hangs on it; others lose a follower. How many rows."""
    lock_profiles(connection, {user_id, *_acquaintances(connection, user_id)})
    followed = _delete_follows(connection, follow.c.user_id, user_id, follow.c.followed_user_id)
    followers = _delete_follows(connection, follow.c.followed_user_id, user_id, follow.c.user_id)
    # At once: a second update of a row would lock its account too, and friends who leave at the
    # same time each other's.
    connection.execute(
        sa.update(profile)
        .where(profile.c.user_id.in_(followed | followers))
        .values(
            followers_count=profile.c.followers_count - _one_of(followed),
            following_count=profile.c.following_count - _one_of(followers),
        )
    )
    deleted = connection.execute(sa.delete(user).where(user.c.user_id == user_id)).rowcount
    return len(followed) + len(followers) + deleted


def sessions_to_end(connection: Connection, user_id: UUID) -> list[UUID]:
    """All sessions of a person, ended ones too."""
    statement = sa.select(session.c.session_id).where(session.c.user_id == user_id)
    return list(connection.execute(statement).scalars())


def retire_username(connection: Connection, pseudonym: UUID) -> None:
    """Nobody gets this name again, though nobody can tell which it is."""
    statement = insert(retired_username).values(pseudonym=pseudonym)
    connection.execute(statement.on_conflict_do_nothing())


def retired(connection: Connection, pseudonyms: Collection[UUID]) -> set[UUID]:
    """Those of these that are of names nobody gets again."""
    known = sa.bindparam("known", list(pseudonyms), type_=sa.ARRAY(sa.Uuid))
    statement = sa.select(retired_username.c.pseudonym).where(
        retired_username.c.pseudonym == sa.func.any(known)
    )
    return set(connection.execute(statement).scalars())


def pseudonymise_audit(
    connection: Connection, user_id: UUID, pseudonym: UUID, *, mentions: bool
) -> int:
    """Put a pseudonym for the person into every line by or about them; how many lines.

    Those that only mention them are found by reading the whole log, which is for no caller to
    wait for.
    """
    text = str(user_id)
    connection.execute(sa.text("set local users.pseudonymise = 'on'"))
    details = sa.cast(audit_log.c.details, sa.Text)
    own = audit_log.c.actor_user_id == user_id
    about = sa.or_(own, audit_log.c.subject == text)
    if mentions:
        about = sa.or_(
            about, sa.func.strpos(audit_log.c.subject, text) > 0, sa.func.strpos(details, text) > 0
        )
    changed = connection.execute(
        sa.update(audit_log)
        .where(about)
        .values(
            actor_user_id=sa.case((own, pseudonym), else_=audit_log.c.actor_user_id),
            subject=sa.func.replace(audit_log.c.subject, text, str(pseudonym)),
            details=sa.cast(
                sa.func.replace(details, text, str(pseudonym)), audit_log.c.details.type
            ),
            address="",
        )
    ).rowcount
    connection.execute(sa.text("set local users.pseudonymise = 'off'"))
    return changed


def lock_erasure(connection: Connection, erasure_id: UUID) -> bool:
    """Have those who acknowledge it take turns; False when there is no such erasure."""
    lock = sa.select(erasure.c.erasure_id).where(erasure.c.erasure_id == erasure_id)
    return connection.execute(lock.with_for_update()).one_or_none() is not None


def keep_acknowledgement(
    connection: Connection, erasure_id: UUID, service: str, deleted_rows_count: int, at: datetime
) -> None:
    """A service has done its part; told again it changes nothing."""
    statement = insert(erasure_acknowledgement).values(
        erasure_id=erasure_id,
        service=service,
        deleted_rows_count=deleted_rows_count,
        created_at=at,
        updated_at=at,
    )
    connection.execute(statement.on_conflict_do_nothing())


def acknowledged(connection: Connection, erasure_id: UUID) -> dict[str, int]:
    """Services that have done their part, and how many rows each deleted."""
    statement = sa.select(
        erasure_acknowledgement.c.service, erasure_acknowledgement.c.deleted_rows_count
    ).where(erasure_acknowledgement.c.erasure_id == erasure_id)
    return dict(map(tuple, connection.execute(statement)))


def _acquaintances(connection: Connection, user_id: UUID) -> set[UUID]:
    ends = sa.select(follow.c.user_id, follow.c.followed_user_id).where(
        sa.or_(follow.c.user_id == user_id, follow.c.followed_user_id == user_id)
    )
    return {one for pair in connection.execute(ends) for one in pair}


def _delete_follows(
    connection: Connection, own: sa.Column[UUID], user_id: UUID, other: sa.Column[UUID]
) -> set[UUID]:
    gone = sa.delete(follow).where(own == user_id).returning(other)
    return set(connection.execute(gone).scalars())


def _one_of(user_ids: Collection[UUID]) -> sa.ColumnElement[int]:
    return sa.cast(profile.c.user_id.in_(user_ids), sa.Integer)
