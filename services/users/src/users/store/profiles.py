"""Rows of profiles and preferences."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.engine import Connection

from users.domain.profiles import Consent, Preferences, Profile
from users.tables import preferences, profile, profile_favorite_genre, user


def _genre_ids(owner: sa.Table) -> sa.ScalarSelect[Any]:
    """The favorite genres of a row of `owner`, in the person's order."""
    in_order = aggregate_order_by(
        profile_favorite_genre.c.genre_id, profile_favorite_genre.c.position
    )
    return (
        sa.select(sa.func.array_agg(in_order))
        .where(profile_favorite_genre.c.user_id == owner.c.user_id)
        .correlate(owner)
        .scalar_subquery()
    )


_PROFILE = sa.select(
    profile.c.user_id,
    profile.c.display_name,
    profile.c.bio,
    profile.c.country,
    _genre_ids(profile).label("favorite_genre_ids"),
    profile.c.version,
    profile.c.updated_at,
).where(profile.c.user_id == sa.bindparam("user_id"))
_PREFERENCES_COLUMNS = (
    preferences.c.user_id,
    preferences.c.email_notifications,
    preferences.c.recommendation_emails,
    preferences.c.include_adult_content,
    preferences.c.preferred_language,
    preferences.c.enable_collaborative_filtering,
    preferences.c.enable_content_based_filtering,
    preferences.c.recommendation_diversity,
    preferences.c.profile_visibility,
    preferences.c.activity_tracking,
    preferences.c.stored_since,
    preferences.c.named_since,
    preferences.c.version,
    preferences.c.updated_at,
)
_PREFERENCES = sa.select(*_PREFERENCES_COLUMNS).where(
    preferences.c.user_id == sa.bindparam("user_id")
)
_PREFERENCES_AND_GENRES = sa.select(*_PREFERENCES_COLUMNS, _genre_ids(preferences)).where(
    preferences.c.user_id == sa.bindparam("user_id")
)
_CONSENT = (
    sa.select(
        preferences.c.user_id,
        preferences.c.activity_tracking,
        preferences.c.stored_since,
        preferences.c.named_since,
    )
    .join(user, user.c.user_id == preferences.c.user_id)
    .where(preferences.c.user_id == sa.any_(sa.bindparam("user_ids", type_=sa.ARRAY(sa.Uuid))))
)


def insert_profiles(connection: Connection, user_ids: Sequence[UUID], at: datetime) -> None:
    """An empty profile for each."""
    rows = [{"user_id": user_id, "created_at": at, "updated_at": at} for user_id in user_ids]
    connection.execute(sa.insert(profile).values(rows))


def insert_preferences(connection: Connection, user_ids: Sequence[UUID], at: datetime) -> None:
    """The default preferences for each."""
    rows = [{"user_id": user_id, "created_at": at, "updated_at": at} for user_id in user_ids]
    connection.execute(sa.insert(preferences).values(rows))


def profile_of(connection: Connection, user_id: UUID) -> Profile | None:
    """The profile with its genres."""
    return _profile(connection.execute(_PROFILE, {"user_id": user_id}).one_or_none())


def locked_profile(connection: Connection, user_id: UUID) -> Profile | None:
    """The same, kept from changing; genres are read once the lock is held."""
    lock = sa.select(profile.c.user_id).where(profile.c.user_id == user_id).with_for_update()
    connection.execute(lock)
    return profile_of(connection, user_id)


def update_profile(
    connection: Connection, user_id: UUID, changes: Mapping[str, Any], at: datetime
) -> None:
    """Change these columns; the version grows."""
    connection.execute(
        sa.update(profile)
        .where(profile.c.user_id == user_id)
        .values(**changes, version=profile.c.version + 1, updated_at=at)
    )


def replace_favorite_genres(
    connection: Connection, user_id: UUID, genre_ids: Sequence[int], at: datetime
) -> None:
    """These genres, in this order, and no others."""
    connection.execute(
        sa.delete(profile_favorite_genre).where(profile_favorite_genre.c.user_id == user_id)
    )
    rows = [
        {
            "user_id": user_id,
            "genre_id": genre_id,
            "position": position,
            "created_at": at,
            "updated_at": at,
        }
        for position, genre_id in enumerate(genre_ids)
    ]
    if rows:
        connection.execute(sa.insert(profile_favorite_genre).values(rows))


def preferences_of(connection: Connection, user_id: UUID) -> Preferences | None:
    """How they want to be treated."""
    return _preferences(connection.execute(_PREFERENCES, {"user_id": user_id}).one_or_none())


def preferences_and_genres_of(
    connection: Connection, user_id: UUID
) -> tuple[Preferences, tuple[int, ...]] | None:
    """Both by one statement: genres newer than the version would stay wrong in a replica."""
    row = connection.execute(_PREFERENCES_AND_GENRES, {"user_id": user_id}).one_or_none()
    return None if row is None else (Preferences(*row[:-1]), tuple(row[-1] or ()))


def preferences_of_all(connection: Connection, user_ids: Collection[UUID]) -> list[Preferences]:
    """The preferences of each of these."""
    statement = sa.select(*_PREFERENCES_COLUMNS).where(preferences.c.user_id.in_(user_ids))
    return [Preferences(*row) for row in connection.execute(statement)]


def locked_preferences(connection: Connection, user_id: UUID) -> Preferences | None:
    """The same, kept from changing until the transaction ends."""
    statement = _PREFERENCES.with_for_update()
    return _preferences(connection.execute(statement, {"user_id": user_id}).one_or_none())


def keep_preferences(connection: Connection, kept: Preferences) -> None:
    """Store these, version and all."""
    values = asdict(kept)
    user_id = values.pop("user_id")
    connection.execute(
        sa.update(preferences).where(preferences.c.user_id == user_id).values(**values)
    )


def consents_of(connection: Connection, user_ids: Sequence[UUID]) -> list[Consent]:
    """Which activity each of those who exist lets be stored."""
    return [Consent(*row) for row in connection.execute(_CONSENT, {"user_ids": list(user_ids)})]


def _profile(row: Any) -> Profile | None:
    if row is None:
        return None
    return Profile(
        user_id=row.user_id,
        display_name=row.display_name,
        bio=row.bio,
        country=row.country,
        favorite_genre_ids=tuple(row.favorite_genre_ids or ()),
        version=row.version,
        updated_at=row.updated_at,
    )


def _preferences(row: Sequence[Any] | None) -> Preferences | None:
    return None if row is None else Preferences(*row)
