"""Rows of who follows whom, and people as others may see them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from users.domain.accounts import fold
from users.domain.profiles import Card, Follow
from users.tables import follow, preferences, profile, user


class FollowPlace(NamedTuple):
    """Where a page of follows ended."""

    followed_at: datetime
    user_id: UUID


def card_by_username(connection: Connection, username: str, viewer_id: UUID | None) -> Card | None:
    """An active person of this name, with what ties them to the viewer."""
    statement = _cards(viewer_id).where(user.c.username_key == fold(username))
    row = connection.execute(statement).one_or_none()
    return None if row is None else Card(*row)


def cards_of(
    connection: Connection, user_ids: Collection[UUID], viewer_id: UUID | None
) -> list[Card]:
    """Those of these people who are active, with what ties each to the viewer."""
    statement = _cards(viewer_id).where(user.c.user_id.in_(user_ids))
    return [Card(*row) for row in connection.execute(statement)]


def lock_accounts(connection: Connection, user_ids: Collection[UUID]) -> set[UUID]:
    """Those of these people who exist, kept from being erased until the transaction ends.

    Accounts before profiles, as erasures lock them, and in the same order.
    """
    statement = (
        sa.select(user.c.user_id)
        .where(user.c.user_id.in_(user_ids))
        .order_by(user.c.user_id)
        .with_for_update(read=True, key_share=True)
    )
    return set(connection.execute(statement).scalars())


def lock_profiles(connection: Connection, user_ids: Collection[UUID]) -> None:
    """Both ends of follows, always in the same order."""
    connection.execute(
        sa.select(profile.c.user_id)
        .where(profile.c.user_id.in_(user_ids))
        .order_by(profile.c.user_id)
        .with_for_update()
    )


def insert_follow(connection: Connection, user_id: UUID, followed_id: UUID, at: datetime) -> bool:
    """False when it was there."""
    statement = (
        insert(follow)
        .values(
            user_id=user_id,
            followed_user_id=followed_id,
            followed_at=at,
            created_at=at,
            updated_at=at,
        )
        .on_conflict_do_nothing()
        .returning(follow.c.user_id)
    )
    if connection.execute(statement).one_or_none() is None:
        return False
    _count(connection, user_id, followed_id, 1)
    return True


def delete_follow(connection: Connection, user_id: UUID, followed_id: UUID) -> bool:
    """False when there was none."""
    statement = sa.delete(follow).where(
        follow.c.user_id == user_id, follow.c.followed_user_id == followed_id
    )
    if not connection.execute(statement).rowcount:
        return False
    _count(connection, user_id, followed_id, -1)
    return True


def following_of(
    connection: Connection, user_id: UUID, *, after: FollowPlace | None, limit: int
) -> list[Follow]:
    """Whom they follow, newest first."""
    return _ends(connection, (follow.c.user_id, follow.c.followed_user_id), user_id, after, limit)


def followers_of(
    connection: Connection, user_id: UUID, *, after: FollowPlace | None, limit: int
) -> list[Follow]:
    """Who follows them, newest first."""
    return _ends(connection, (follow.c.followed_user_id, follow.c.user_id), user_id, after, limit)


def follow_of(connection: Connection, user_id: UUID, followed_id: UUID) -> Follow:
    """One follow that exists."""
    ends = (follow.c.user_id, follow.c.followed_user_id)
    statement = _follows(*ends).where(ends[0] == user_id, ends[1] == followed_id)
    return Follow(*connection.execute(statement).one())


def _cards(viewer_id: UUID | None) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            user.c.user_id,
            user.c.username,
            profile.c.display_name,
            profile.c.bio,
            profile.c.country,
            preferences.c.profile_visibility,
            profile.c.followers_count,
            profile.c.following_count,
            _follows_exists(viewer_id, user.c.user_id),
            _follows_exists(user.c.user_id, viewer_id),
            user.c.created_at,
        )
        .join(profile, profile.c.user_id == user.c.user_id)
        .join(preferences, preferences.c.user_id == user.c.user_id)
        .where(user.c.status == "active")
    )


def _follows_exists(user_id: Any, followed_id: Any) -> sa.ColumnElement[bool]:
    if user_id is None or followed_id is None:
        return sa.false()
    one = follow.alias()
    return sa.exists().where(one.c.user_id == user_id, one.c.followed_user_id == followed_id)


def _follows(own: sa.Column[Any], other: sa.Column[Any]) -> sa.Select[*tuple[Any, ...]]:
    back = follow.alias()
    is_friend = sa.exists().where(back.c[other.name] == own, back.c[own.name] == other)
    visibility = preferences.c.profile_visibility
    visible = sa.or_(visibility == "public", sa.and_(visibility == "friends", is_friend))
    return (
        sa.select(
            other,
            user.c.username,
            sa.case((visible, profile.c.display_name), else_=""),
            is_friend,
            follow.c.followed_at,
        )
        .join(user, user.c.user_id == other)
        .join(profile, profile.c.user_id == other)
        .join(preferences, preferences.c.user_id == other)
        .where(user.c.status == "active")
    )


def _ends(
    connection: Connection,
    ends: tuple[sa.Column[Any], sa.Column[Any]],
    user_id: UUID,
    after: FollowPlace | None,
    limit: int,
) -> list[Follow]:
    statement = (
        _follows(*ends)
        .where(ends[0] == user_id)
        .order_by(follow.c.followed_at.desc(), ends[1].desc())
        .limit(limit)
    )
    if after is not None:
        place = sa.tuple_(follow.c.followed_at, ends[1])
        statement = statement.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
    return [Follow(*row) for row in connection.execute(statement)]


def _count(connection: Connection, user_id: UUID, followed_id: UUID, change: int) -> None:
    for one, column in (
        (user_id, profile.c.following_count),
        (followed_id, profile.c.followers_count),
    ):
        connection.execute(
            sa.update(profile).where(profile.c.user_id == one).values({column: column + change})
        )
