"""Who wants mails with recommendations, and which week they had one for."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from users.tables import preferences, user


def waiting(connection: Connection, week: date, *, after: UUID, limit: int) -> list[UUID]:
    """People who want mails and had none for this week, by id."""
    statement = (
        sa.select(preferences.c.user_id)
        .join(user, user.c.user_id == preferences.c.user_id)
        .where(_wants(week), user.c.status == "active", preferences.c.user_id > after)
        .order_by(preferences.c.user_id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def claim(connection: Connection, user_id: UUID, week: date) -> str | None:
    """Note down the week's mail, and answer the preferred language; None when it is not to be."""
    statement = (
        sa.update(preferences)
        .where(preferences.c.user_id == user_id, _wants(week))
        .values(recommendations_mailed_for=week)
        .returning(preferences.c.preferred_language)
    )
    return connection.execute(statement).scalar_one_or_none()


def release(connection: Connection, user_id: UUID, week: date) -> None:
    """The week's mail did not go out."""
    connection.execute(
        sa.update(preferences)
        .where(preferences.c.user_id == user_id, preferences.c.recommendations_mailed_for == week)
        .values(recommendations_mailed_for=None)
    )


def _wants(week: date) -> sa.ColumnElement[bool]:
    mailed = preferences.c.recommendations_mailed_for
    return sa.and_(
        preferences.c.recommendation_emails,
        preferences.c.email_notifications,
        sa.or_(mailed.is_(None), mailed < week),
    )
