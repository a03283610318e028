"""Keeping activity as far as people consent, and deleting it when they wish."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes
from uuid import UUID

from sqlalchemy.engine import Connection

from analytics.domain import privacy
from analytics.domain.activities import Activity, Observation, not_after
from analytics.domain.privacy import Consent
from analytics.messages.facts import activity_deleted
from analytics.operations.rollups import count_activities
from analytics.store import activities
from analytics.store.rollups import take_out
from chassis.database import uuid7s
from chassis.erasure import Tombstones
from chassis.outbox import Fact, publish

_STREAM = "analytics.events"
_SALT_BYTES = 32


@dataclass(frozen=True)
class Hiding:
    """What keeps people from being known here: the key of hashes, and who was erased."""

    key: bytes
    tombstones: Tombstones


@dataclass(frozen=True)
class Kept:
    """What became of observations that may be stored."""

    stored_count: int
    duplicate_count: int


def keep(
    connection: Connection,
    observations: Sequence[Observation],
    *,
    consents: Mapping[UUID, Consent],
    hiding: Hiding,
    at: datetime,
) -> Kept:
    """Store what is new, permitted and not deleted; count it in the same transaction."""
    permitted = _permitted(not_after(observations, at), consents)
    willing = {one.user_id for one in permitted}
    if not willing:
        return Kept(0, 0)
    activities.keep_deletions_out(connection)
    erased = hiding.tombstones.erased(connection, willing)
    known = [one for one in permitted if one.user_id not in erased] if erased else permitted
    wanted = privacy.not_deleted(known, activities.deletions_of(connection, willing))
    by_key = {privacy.keyed(hiding.key, one.name): one for one in reversed(wanted)}
    new = activities.newly_seen(connection, by_key)
    fresh = [one for event_key, one in reversed(by_key.items()) if event_key in new]
    stored = _as_permitted(connection, fresh, consents, hiding.key, at)
    if stored:
        activities.copy_in(connection, stored)
        count_activities(connection, stored)
    return Kept(len(stored), len(wanted) - len(stored))


def delete_activity(
    connection: Connection, user_id: UUID, activity_type: str, *, hiding: Hiding, at: datetime
) -> int:
    """Delete a person's activity, of one type or all; what is still on its way stays out."""
    activities.keep_all_out(connection)
    if hiding.tombstones.erased(connection, [user_id]):
        return 0  # all of it goes anyway, and what remembers a deletion would name them again
    take_out(connection, user_id, activity_type, at)
    deleted_count = activities.delete(connection, user_id, activity_type, at)
    if deleted_count:
        message = activity_deleted(user_id, deleted_count, at)
        fact = Fact(
            type=message.DESCRIPTOR.full_name,
            aggregate_id=str(user_id),
            aggregate_version=int(at.timestamp() * 1_000_000),
            payload=message.SerializeToString(),
            actor=str(user_id),
            occurred_at=at,
        )
        publish(connection, _STREAM, [fact])
    return deleted_count


def _permitted(
    observations: Sequence[Observation], consents: Mapping[UUID, Consent]
) -> Sequence[Observation]:
    return [
        one
        for one in observations
        if one.user_id in consents and consents[one.user_id].to(one.occurred_at) != privacy.OFF
    ]


def _as_permitted(
    connection: Connection,
    observations: Sequence[Observation],
    consents: Mapping[UUID, Consent],
    key: bytes,
    at: datetime,
) -> list[Activity]:
    own: list[Observation] = []
    anonymous: list[Observation] = []
    for one in observations:
        tracking = consents[one.user_id].to(one.occurred_at)
        (own if tracking == privacy.FULL else anonymous).append(one)
    stored = [
        privacy.named(one, activity_id, at)
        for one, activity_id in zip(own, uuid7s(len(own)), strict=True)
    ]
    if anonymous:
        today = at.astimezone(UTC).date()
        salt = activities.salt_of(connection, today, token_bytes(_SALT_BYTES))
        salted = privacy.salted(key, salt)
        stored += [
            privacy.nameless(
                one, privacy.pseudonym(salted, one.user_id, one.occurred_at.date()), at
            )
            for one in anonymous
        ]
    return stored
