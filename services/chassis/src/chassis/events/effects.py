"""What events do to a service's database, each once."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge
from sqlalchemy.engine import Connection

from chassis import telemetry
from chassis.database import Database
from chassis.events import inbox
from chassis.events.entries import Entry
from chassis.events.subscription import Subscription

events_handled = Counter("events_total", "Events by outcome", ["consumer", "stream", "outcome"])
events_behind = Gauge(
    "events_behind_seconds", "Age of the event handled last", ["consumer", "stream"]
)


@dataclass(frozen=True)
class Effects:
    """A consumer's functions for one stream, called in a transaction with its inbox."""

    consumer: str
    database: Database
    subscription: Subscription

    def apply(self, entries: Sequence[Entry]) -> None:
        """One transaction: the inbox and every effect."""
        batch = self.subscription.batch
        with ExitStack() as stack:
            if batch is not None or len(entries) == 1:
                stack.enter_context(self._span(entries[0]))
            connection = stack.enter_context(self.database.begin())
            fresh = inbox.fresh(connection, self.consumer, entries)
            if batch is None:
                self._call_each(connection, fresh)
            elif fresh:
                batch(connection, [entry.event for entry in fresh])
        self.count("handled", len(fresh))
        self.count("repeated", len(entries) - len(fresh))
        age = datetime.now(UTC) - entries[-1].event.occurred_at
        behind = events_behind.labels(self.consumer, self.subscription.stream)
        behind.set(max(0.0, age.total_seconds()))

    def count(self, outcome: str, number: int) -> None:
        """Count what became of events."""
        if number:
            events_handled.labels(self.consumer, self.subscription.stream, outcome).inc(number)

    def _call_each(self, connection: Connection, entries: Sequence[Entry]) -> None:
        for entry in entries:
            with self._span(entry):
                self.subscription.types[entry.event.type](connection, entry.event)

    def _span(self, entry: Entry) -> Any:
        name = f"{self.consumer} handles {entry.event.type}"
        return telemetry.span(name, parent=entry.traceparent, kind=SpanKind.CONSUMER)
