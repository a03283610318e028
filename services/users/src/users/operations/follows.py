"""Following people."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from users.domain.profiles import Card, Follow, OneselfFollowed, ProfileNotFound
from users.operations import facts
from users.store import follows as rows


def follow_user(
    connection: Connection, user_id: UUID, username: str, at: datetime
) -> tuple[Follow, bool]:
    """The follow, and whether it is new."""
    card = _card(connection, user_id, username)
    if not card.followable_by(user_id):
        raise _not_found()
    rows.lock_profiles(connection, (user_id, card.user_id))
    created = rows.insert_follow(connection, user_id, card.user_id, at)
    if created:
        facts.user_followed(connection, user_id, card.user_id, at)
    return rows.follow_of(connection, user_id, card.user_id), created


def unfollow_user(connection: Connection, user_id: UUID, username: str, at: datetime) -> bool:
    """Whether there was something to end; a stranger's name is nothing to end either."""
    card = rows.card_by_username(connection, username, user_id)
    if card is None:
        return False
    rows.lock_profiles(connection, (user_id, card.user_id))
    removed = rows.delete_follow(connection, user_id, card.user_id)
    if removed:
        facts.user_unfollowed(connection, user_id, card.user_id, at)
    return removed


def _card(connection: Connection, user_id: UUID, username: str) -> Card:
    card = rows.card_by_username(connection, username, user_id)
    if card is None:
        raise _not_found()
    if card.user_id == user_id:
        raise OneselfFollowed("nobody follows themselves")
    return card


def _not_found() -> ProfileNotFound:
    return ProfileNotFound("there is no such person, or they are not to be found")
