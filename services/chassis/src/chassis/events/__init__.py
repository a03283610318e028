"""Events: consumer groups with an inbox and dead letters, and tails for caches."""

from chassis.events.consumer import Consumer
from chassis.events.entries import Entry, Event, Fact, fields_of, stream_key
from chassis.events.streams import KEEP_SECONDS, append, append_async
from chassis.events.subscription import BatchHandler, Handler, Subscription
from chassis.events.tails import AsyncTail, Tail

__all__ = [
    "KEEP_SECONDS",
    "AsyncTail",
    "BatchHandler",
    "Consumer",
    "Entry",
    "Event",
    "Fact",
    "Handler",
    "Subscription",
    "Tail",
    "append",
    "append_async",
    "fields_of",
    "stream_key",
]
