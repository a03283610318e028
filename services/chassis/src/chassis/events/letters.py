"""Dead letters: events that cannot be handled, kept unless they name somebody who was erased."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import Database, uuid7
from chassis.events import inbox
from chassis.events.entries import Entry, Event, Unreadable, entry_of
from chassis.events.streams import Raw

Erased = Callable[[Connection, Collection[UUID]], Collection[UUID]]
"""Those of these people who have been erased: Tombstones.erased."""

_IDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LONGEST_ERROR = 4000


def nobody_erased(_connection: Connection, _user_ids: Collection[UUID]) -> Collection[UUID]:
    """For a consumer that hears of nobody."""
    return ()


@dataclass(frozen=True)
class Letters:
    """Where a consumer of a stream buries what it gives up."""

    consumer: str
    stream: str
    database: Database
    erased: Erased

    def bury(self, entry: Entry, error: str, attempts: int) -> None:
        """Keep an event with what went wrong, and count it as handled."""
        with self.database.begin() as connection:
            if self.erased(connection, _named_in(entry.event)):
                # A letter would outlive the erasure, which may have been acknowledged already.
                inbox.settle(connection, self.consumer, entry.event.event_id)
                return
            inbox.bury(
                connection,
                self.consumer,
                self.stream,
                entry,
                error=error[-_LONGEST_ERROR:],
                attempts=attempts,
            )

    def settle(self, entry: Entry) -> None:
        """Count an event as handled of which the parts have been."""
        with self.database.begin() as connection:
            inbox.settle(connection, self.consumer, entry.event.event_id)


def whatever_it_is(raw: Raw) -> Entry:
    """An entry as it can be buried, even one that is no event."""
    try:
        return entry_of(*raw)
    except Unreadable:
        entry_id, fields = raw
        stand_in = Event(uuid7(), "", "", 0, "", datetime.now(UTC), 0, repr(fields).encode())
        return Entry(entry_id.decode(), stand_in, "")


def _named_in(event: Event) -> set[UUID]:
    """Every id an event names, of whatever it is."""
    text = b" ".join((event.actor.encode(), event.aggregate_id.encode(), event.payload))
    return {UUID(found.decode()) for found in _IDS.findall(text)}
