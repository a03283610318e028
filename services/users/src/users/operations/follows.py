"""Following people."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from users.domain.profiles import Card, Follow, OneselfFollowed, ProfileNotFound
from users.operations import facts
from users.store import follows as rows
from users.store.accounts import user_ids_by_username


def follow_user(
    connection: Connection, user_id: UUID, username: str, now: Callable[[], datetime]
) -> tuple[Follow, bool]:
    """The follow, and whether it is new."""
    card = _card(connection, user_id, username)
    if not card.followable_by(user_id):
        raise _not_found()
    ends = {user_id, card.user_id}
    if rows.lock_accounts(connection, ends) != ends:
        raise _not_found()  # one of them has just been erased
    rows.lock_profiles(connection, ends)
    at = now()
    created = rows.insert_follow(connection, user_id, card.user_id, at)
    if created:
        facts.user_followed(connection, user_id, card.user_id, at)
    return rows.follow_of(connection, user_id, card.user_id), created


def unfollow_user(
    connection: Connection, user_id: UUID, username: str, now: Callable[[], datetime]
) -> bool:
    """Whether there was something to end, be they disabled or not; a stranger's name is nothing
    to end either."""
    for followed_id in user_ids_by_username(connection, [username]).values():
        rows.lock_profiles(connection, (user_id, followed_id))
        if rows.delete_follow(connection, user_id, followed_id):
            facts.user_unfollowed(connection, user_id, followed_id, now())
            return True
    return False


def _card(connection: Connection, user_id: UUID, username: str) -> Card:
    card = rows.card_by_username(connection, username, user_id)
    if card is None:
        raise _not_found()
    if card.user_id == user_id:
        raise OneselfFollowed("nobody follows themselves")
    return card


def _not_found() -> ProfileNotFound:
    return ProfileNotFound("there is no such person, or they are not to be found")
