"""A fact, and how it looks as an entry of a Redis stream."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chassis.database import uuid7


def utc_now() -> datetime:
    """The present moment; the default time of a fact."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Fact:
    """Something that happened, to be told to whoever listens. `type` is the message's full name."""

    type: str
    aggregate_id: str
    aggregate_version: int
    payload: bytes
    actor: str = ""
    occurred_at: datetime = field(default_factory=utc_now)
    schema_version: int = 1
    event_id: uuid.UUID = field(default_factory=uuid7)


@dataclass(frozen=True)
class Event:
    """A fact as a consumer receives it."""

    event_id: uuid.UUID
    type: str
    aggregate_id: str
    aggregate_version: int
    actor: str
    occurred_at: datetime
    schema_version: int
    payload: bytes


@dataclass(frozen=True)
class Entry:
    """An event at its place in a stream."""

    entry_id: str
    event: Event
    traceparent: str


class Unreadable(ValueError):
    """An entry that is no event of ours."""


def stream_key(stream: str) -> str:
    """The Redis key of a stream; the tag keeps all of them in one slot of a cluster."""
    return f"{{marquee}}:{stream}"


def fields_of(fact: Fact | Event, traceparent: str) -> dict[bytes | str, bytes | str | int]:
    """The fields of a stream's entry."""
    return {
        "id": str(fact.event_id),
        "type": fact.type,
        "schema_version": fact.schema_version,
        "aggregate_id": fact.aggregate_id,
        "aggregate_version": fact.aggregate_version,
        "actor": fact.actor,
        "occurred_at": fact.occurred_at.isoformat(),
        "traceparent": traceparent,
        "payload": fact.payload,
    }


def entry_of(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """The entry Redis gave back."""
    try:
        event = Event(
            event_id=uuid.UUID(fields[b"id"].decode()),
            type=fields[b"type"].decode(),
            aggregate_id=fields[b"aggregate_id"].decode(),
            aggregate_version=_number(fields[b"aggregate_version"], bits=64),
            actor=fields[b"actor"].decode(),
            occurred_at=_moment(fields[b"occurred_at"]),
            schema_version=_number(fields[b"schema_version"], bits=32),
            payload=fields[b"payload"],
        )
        return Entry(entry_id.decode(), event, fields.get(b"traceparent", b"").decode())
    except (KeyError, ValueError) as error:
        raise Unreadable(f"not an event: {error!r}") from error


def _number(text: bytes, *, bits: int) -> int:
    """A number as large as an outbox could have held, so that a row can hold it here."""
    number = int(text)
    if number.bit_length() >= bits:
        raise ValueError(f"does not fit into {bits} bits")
    return number


def _moment(text: bytes) -> datetime:
    """A time that can be compared with the clock."""
    moment = datetime.fromisoformat(text.decode())
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
