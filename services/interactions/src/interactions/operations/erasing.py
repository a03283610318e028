"""Erasing a person."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.erasure.traces import Rewriter
from interactions.store import erasing
from interactions.store.counts import add_counts
from marquee.interactions.v1 import events_pb2 as events


def forget(connection: Connection, user_id: UUID) -> int:
    """Delete all that was theirs; movies no longer count it. How many rows that were."""
    deleted_count, lost = erasing.forget(connection, user_id)
    add_counts(connection, lost)
    return deleted_count


def imported_without(payload: bytes, user_id: UUID) -> bytes | None:
    """A batch of several people's ratings without this person's; None when none are left."""
    message = events.RatingsImported.FromString(payload)
    kept = [one for one in message.ratings if one.user_id != str(user_id)]
    return events.RatingsImported(ratings=kept).SerializeToString() if kept else None


REWRITERS: Mapping[str, Rewriter] = {
    events.RatingsImported.DESCRIPTOR.full_name: imported_without,
}
