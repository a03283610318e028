"""Telling the other services what happened, in the transaction in which it did."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.engine import Connection

from chassis.outbox import Fact, publish
from marquee.users.v1 import events_pb2 as events
from users.domain.accounts import Account
from users.domain.profiles import Preferences
from users.domain.sessions import Device
from users.messages import preferences_changed, timestamp

_STREAM = "users.events"
_SESSION_BEGAN = 1
_SESSION_ENDED = 2


def accounts_registered(
    connection: Connection, accounts: Sequence[Account], preferences: Iterable[Preferences]
) -> None:
    """New people, and how each of them wants to be treated."""
    registered = [_registered(account) for account in accounts]
    preferred = [_preferences(each, (), actor=each.user_id) for each in preferences]
    publish(connection, _STREAM, registered + preferred)


def preferences_were_changed(
    connection: Connection, preferences: Preferences, favorite_genre_ids: tuple[int, ...]
) -> None:
    """Somebody wants to be treated otherwise, or likes other genres."""
    fact = _preferences(preferences, favorite_genre_ids, actor=preferences.user_id)
    publish(connection, _STREAM, [fact])


def user_logged_in(
    connection: Connection, user_id: UUID, session_id: UUID, device: Device, at: datetime
) -> None:
    """A session began."""
    message = events.UserLoggedIn(
        user_id=str(user_id),
        session_id=str(session_id),
        address=device.address,
        agent=device.agent,
        logged_in_at=timestamp(at),
    )
    publish(connection, _STREAM, [_fact(message, session_id, _SESSION_BEGAN, user_id, at)])


def user_logged_out(connection: Connection, user_id: UUID, session_id: UUID, at: datetime) -> None:
    """Somebody ended their session by themselves."""
    message = events.UserLoggedOut(
        user_id=str(user_id), session_id=str(session_id), logged_out_at=timestamp(at)
    )
    publish(connection, _STREAM, [_fact(message, session_id, _SESSION_ENDED, user_id, at)])


def sessions_revoked(
    connection: Connection,
    user_id: UUID,
    session_ids: Sequence[UUID],
    *,
    actor: UUID | None,
    at: datetime,
) -> None:
    """Access tokens of these sessions are no longer good."""
    facts = [
        _fact(
            events.SessionRevoked(
                user_id=str(user_id), session_id=str(session_id), revoked_at=timestamp(at)
            ),
            session_id,
            _SESSION_ENDED,
            actor,
            at,
        )
        for session_id in session_ids
    ]
    publish(connection, _STREAM, facts)


def nameless_sessions_revoked(
    connection: Connection, session_ids: Sequence[UUID], at: datetime
) -> None:
    """The sessions of somebody who is erased end for longer than their name is kept.

    The user's own id among them ends whatever session a token names.
    """
    facts = [
        _fact(
            events.SessionRevoked(session_id=str(session_id), revoked_at=timestamp(at)),
            session_id,
            _SESSION_ENDED,
            None,
            at,
        )
        for session_id in session_ids
    ]
    publish(connection, _STREAM, facts)


def erasure_requested(
    connection: Connection, erasure_id: UUID, user_id: UUID, at: datetime
) -> None:
    """Every service is to delete what it holds of this person."""
    message = events.ErasureRequested(
        erasure_id=str(erasure_id), user_id=str(user_id), requested_at=timestamp(at)
    )
    publish(connection, _STREAM, [_fact(message, erasure_id, 1, None, at)])


def access_changed(connection: Connection, account: Account, actor: UUID | None) -> None:
    """An account was disabled or enabled, or its role changed."""
    message = events.UserAccessChanged(
        user_id=str(account.user_id),
        role=account.role,
        status=account.status,
        changed_at=timestamp(account.updated_at),
    )
    fact = _fact(message, account.user_id, account.version, actor, account.updated_at)
    publish(connection, _STREAM, [fact])


def user_followed(connection: Connection, user_id: UUID, followed_id: UUID, at: datetime) -> None:
    """Somebody follows somebody."""
    message = events.UserFollowed(
        user_id=str(user_id), followed_user_id=str(followed_id), followed_at=timestamp(at)
    )
    publish(connection, _STREAM, [_follow_fact(message, user_id, followed_id, at)])


def user_unfollowed(connection: Connection, user_id: UUID, followed_id: UUID, at: datetime) -> None:
    """Somebody follows somebody no more."""
    message = events.UserUnfollowed(
        user_id=str(user_id), followed_user_id=str(followed_id), unfollowed_at=timestamp(at)
    )
    publish(connection, _STREAM, [_follow_fact(message, user_id, followed_id, at)])


def _registered(account: Account) -> Fact:
    message = events.UserRegistered(
        user_id=str(account.user_id),
        username=account.username,
        registered_at=timestamp(account.created_at),
        preferences_version=1,
    )
    return _fact(message, account.user_id, account.version, account.user_id, account.updated_at)


def _preferences(
    preferences: Preferences, favorite_genre_ids: tuple[int, ...], actor: UUID
) -> Fact:
    message = preferences_changed(preferences, favorite_genre_ids)
    aggregate = f"{preferences.user_id}:preferences"
    return _fact(message, aggregate, preferences.version, actor, preferences.updated_at)


def _follow_fact(message: Message, user_id: UUID, followed_id: UUID, at: datetime) -> Fact:
    """Both ends are locked while it is written, so time orders a pair's follows."""
    version = int(at.timestamp() * 1_000_000)
    return _fact(message, f"{user_id}:{followed_id}:follow", version, user_id, at)


def _fact(
    message: Message, aggregate: UUID | str, version: int, actor: UUID | None, at: datetime
) -> Fact:
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=str(aggregate),
        aggregate_version=version,
        payload=message.SerializeToString(),
        actor="" if actor is None else str(actor),
        occurred_at=at,
    )
