"""What a service does with a stream."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from chassis.events.entries import Event
from chassis.events.streams import KEEP_SECONDS

Handler = Callable[[Connection, Event], None]
BatchHandler = Callable[[Connection, Sequence[Event]], None]


def _not_divided(_event: Event) -> Sequence[Event]:
    """For a stream whose events tell of one thing each."""
    return ()


@dataclass(frozen=True)
class Subscription:
    """What a service does with a stream: a function a type, or `batch` for all of them at once."""

    stream: str
    types: Mapping[str, Handler]
    batch: BatchHandler | None = None
    keep_seconds: float = KEEP_SECONDS
    """How long an entry stays at least that every group is done with."""
    divided: Callable[[Event], Sequence[Event]] = _not_divided
    """An event that cannot be handled as events of less, of which the good ones can; their ids are
    the same each time. None for what cannot be taken apart."""
