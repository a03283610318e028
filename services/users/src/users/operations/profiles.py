"""Changing profiles and preferences."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Connection

from users.domain.accounts import UserNotFound
from users.domain.etags import check_etag
from users.domain.profiles import Preferences, Profile
from users.operations import facts
from users.store import profiles as rows


def update_profile(
    connection: Connection, user_id: UUID, changes: dict[str, Any], *, etag: str, at: datetime
) -> tuple[Profile, int]:
    """The profile now, and the version of the preferences, which favorite genres count in."""
    profile = rows.locked_profile(connection, user_id)
    preferences = rows.locked_preferences(connection, user_id)
    if profile is None or preferences is None:
        raise UserNotFound("there is no such user")
    check_etag(etag, profile.version)
    changed = replace(profile, **changes)
    if changed == profile:
        return profile, preferences.version
    columns = {name: value for name, value in changes.items() if name != "favorite_genre_ids"}
    rows.update_profile(connection, user_id, columns, at)
    if changed.favorite_genre_ids != profile.favorite_genre_ids:
        rows.replace_favorite_genres(connection, user_id, changed.favorite_genre_ids, at)
        preferences = _keep(connection, preferences, changed.favorite_genre_ids, at)
    version = profile.version + 1
    return replace(changed, version=version, updated_at=at), preferences.version


def update_preferences(
    connection: Connection,
    user_id: UUID,
    changes: dict[str, Any],
    *,
    etag: str,
    now: Callable[[], datetime],
) -> Preferences:
    """The preferences now."""
    preferences = rows.locked_preferences(connection, user_id)
    profile = rows.profile_of(connection, user_id)
    if profile is None or preferences is None:
        raise UserNotFound("there is no such user")
    check_etag(etag, preferences.version)
    at = now()  # the wait for the lock is over: nothing else was consented to since
    changed = preferences.changed(changes, at)
    if changed == preferences:
        return preferences
    return _keep(connection, changed, profile.favorite_genre_ids, at)


def _keep(
    connection: Connection, preferences: Preferences, genre_ids: tuple[int, ...], at: datetime
) -> Preferences:
    kept = replace(preferences, version=preferences.version + 1, updated_at=at)
    rows.keep_preferences(connection, kept)
    facts.preferences_were_changed(connection, kept, genre_ids)
    return kept
