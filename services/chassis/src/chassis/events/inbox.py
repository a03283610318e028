"""What a consumer has already done, and what it has given up on, in its own database."""

import uuid
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from chassis.events.entries import Entry
from chassis.tables import dead_letter, inbox


def fresh(connection: Connection, consumer: str, entries: Sequence[Entry]) -> list[Entry]:
    """Those of `entries` whose event was never handled, recorded as handled from the commit on."""
    # In one order for all, so that two consumers with the same events wait but never deadlock.
    ids = sorted({entry.event.event_id for entry in entries})
    added = connection.execute(
        insert(inbox).on_conflict_do_nothing().returning(inbox.c.event_id),
        [{"consumer": consumer, "event_id": event_id} for event_id in ids],
    )
    new: set[uuid.UUID] = set(added.scalars())
    chosen: list[Entry] = []
    for entry in entries:
        if entry.event.event_id in new:
            new.remove(entry.event.event_id)  # a replay may bring one twice in a batch
            chosen.append(entry)
    return chosen


def settle(connection: Connection, consumer: str, event_id: uuid.UUID) -> None:
    """Count an event as handled, whatever became of it."""
    handled = insert(inbox).values(consumer=consumer, event_id=event_id)
    connection.execute(handled.on_conflict_do_nothing())


def bury(
    connection: Connection, consumer: str, stream: str, entry: Entry, *, error: str, attempts: int
) -> None:
    """Keep an event that cannot be handled, with what went wrong, and count it as handled."""
    event = entry.event
    settle(connection, consumer, event.event_id)
    letter = insert(dead_letter).values(
        consumer=consumer,
        event_id=event.event_id,
        stream=stream,
        type=_kept(event.type),
        schema_version=event.schema_version,
        aggregate_id=_kept(event.aggregate_id),
        aggregate_version=event.aggregate_version,
        actor=_kept(event.actor),
        occurred_at=event.occurred_at,
        traceparent=_kept(entry.traceparent),
        payload=event.payload,
        error=_kept(error),
        attempts=attempts,
    )
    connection.execute(letter.on_conflict_do_nothing())


def _kept(text: str) -> str:
    """What PostgreSQL can hold of a text: an entry may have come from elsewhere than an outbox."""
    return text.replace("\0", "")
