"""All that is known of a person now, fetched from its owners when the replica is behind."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from chassis.database import Database
from chassis.errors import NotFound, Refusal
from marquee.interactions.v1 import interactions_pb2
from marquee.users.v1 import users_pb2
from recommender.domain import Preferences
from recommender.messages import heard
from recommender.operations.lists import Person
from recommender.operations.replicas import catch_up
from recommender.store import tastes

log = structlog.get_logger()

_CHANGES_A_CALL = 5_000
_MOST_CALLS = 20


@dataclass(frozen=True)
class Neighbours:
    """Stubs of those who own what we replicate, and how long a list may wait for each."""

    interactions: Any
    users: Any
    timeout_seconds: float


def person_now(
    database: Database,
    neighbours: Neighbours,
    user_id: UUID,
    *,
    known_sequence: int | None,
    known_version: int | None,
) -> Person:
    """A person with their last write counted in, or not fresh when its owner does not answer."""
    with database.read() as connection:
        sequence, wanted = tastes.known_of(connection, user_id)
    fresh, caught_up = True, False
    if known_sequence is None or known_sequence > sequence:
        fresh, caught_up = _caught_up(database, neighbours, user_id, sequence), True
    if wanted is None or known_version is None or known_version > wanted.version:
        asked = _preferences(database, neighbours, user_id)
        fresh = fresh and asked is not None
        wanted = asked or wanted or Preferences()
    with database.read() as connection:
        if caught_up:
            sequence = tastes.sequence_of(connection, user_id)
        signals = tastes.signals_of(connection, user_id)
    return Person(user_id, signals, wanted, sequence, fresh)


def _caught_up(database: Database, neighbours: Neighbours, user_id: UUID, sequence: int) -> bool:
    """Fetch and apply what is missing; False when interactions does not answer in time."""
    for _ in range(_MOST_CALLS):
        request = interactions_pb2.ListInteractionChangesRequest(
            user_id=str(user_id), after_sequence=sequence, page_size=_CHANGES_A_CALL
        )
        try:
            reply = neighbours.interactions.ListInteractionChanges(
                request, timeout=neighbours.timeout_seconds
            )
        except Refusal as refusal:
            log.warning("interactions did not answer", reason=refusal.reason)
            return False
        changes = heard.changes_from_reply(user_id, reply.changes)
        more = reply.more and bool(changes)
        up_to = max(change.sequence for change in changes) if more else reply.sequence
        if up_to > sequence:
            with database.begin() as connection:
                catch_up(connection, user_id, changes, up_to=up_to)
        if not more:
            return True
        sequence = up_to
    return False


def _preferences(database: Database, neighbours: Neighbours, user_id: UUID) -> Preferences | None:
    """Fetch and keep the preferences; None when users does not answer in time."""
    request = users_pb2.GetPreferencesOfRequest(user_id=str(user_id))
    try:
        reply = neighbours.users.GetPreferencesOf(request, timeout=neighbours.timeout_seconds)
    except NotFound:
        return Preferences()
    except Refusal as refusal:
        log.warning("users did not answer", reason=refusal.reason)
        return None
    wanted = heard.preferences_from_reply(reply)
    with database.begin() as connection:
        tastes.keep_preferences(connection, user_id, wanted)
    return wanted
