"""What the service holds on a person, by section."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from chassis.export import PERSON, Section
from users.tables import (
    audit_log,
    follow,
    password_reset,
    preferences,
    profile,
    profile_favorite_genre,
    refresh_token,
    session,
    user,
)


def _follows(own: str, other: str) -> sa.FromClause:
    """Follows with the name of the other end; ids of other people are nobody's but theirs."""
    joined = sa.join(follow, user, user.c.user_id == follow.c[other])
    columns = (follow.c[own].label("user_id"), user.c.username, follow.c.followed_at)
    return sa.select(*columns).select_from(joined).subquery()


_TOKENS = (
    sa.select(
        session.c.user_id,
        refresh_token.c.session_id,
        refresh_token.c.created_at,
        refresh_token.c.expires_at,
        refresh_token.c.used_at,
    )
    .join(session, session.c.session_id == refresh_token.c.session_id)
    .subquery()
)


def _audited(
    person: sa.ColumnElement[str], which: sa.ColumnElement[bool]
) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        person.label("person"),
        audit_log.c.audit_entry_id,
        audit_log.c.action,
        audit_log.c.details,
        audit_log.c.address,
        audit_log.c.occurred_at,
    ).where(which)


_ACTOR = sa.cast(audit_log.c.actor_user_id, sa.Text)
# What was done to them, and what they did to others; not who else had to do with it.
_AUDIT = sa.union_all(
    _audited(audit_log.c.subject, sa.true()),
    _audited(_ACTOR, sa.and_(audit_log.c.actor_user_id == PERSON, audit_log.c.subject != _ACTOR)),
).subquery()

SECTIONS: Sequence[Section] = (
    Section("account", user, ("user_id",), left_out=("password_hash",)),
    Section("profile", profile, ("user_id",)),
    Section("favorite_genres", profile_favorite_genre, ("genre_id",)),
    Section("preferences", preferences, ("user_id",)),
    Section("sessions", session, ("session_id",)),
    Section("refresh_tokens", _TOKENS, ("created_at", "session_id")),
    Section("password_resets", password_reset, ("created_at",), left_out=("token_hash",)),
    Section("following", _follows("user_id", "followed_user_id"), ("followed_at", "username")),
    Section("followers", _follows("followed_user_id", "user_id"), ("followed_at", "username")),
    Section("audit_log", _AUDIT, ("audit_entry_id",), owner="person", left_out=("person",)),
)
