"""One stream, followed as a member of a consumer group."""

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import redis
import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge
from sqlalchemy.engine import Connection

from chassis import telemetry
from chassis.database import Database
from chassis.events import inbox
from chassis.events.entries import Entry, Event, Unreadable, entry_of, stream_key
from chassis.events.letters import Erased, Letters, whatever_it_is
from chassis.events.streams import (
    KEEP_SECONDS,
    Raw,
    ensure_group,
    forget_dead_consumers,
    replies,
    trim,
)
from chassis.loops import Backoff, Every, is_transient, keep_going

Handler = Callable[[Connection, Event], None]
BatchHandler = Callable[[Connection, Sequence[Event]], None]

BATCH = 200
ATTEMPTS = 5
DELIVERIES = 25  # so often delivered and never finished: it takes the process down each time
_LOOKED_AT = 10 * BATCH  # the entries among which XAUTOCLAIM finds those of one batch
_BLOCK_MS = 500
_HOUSEKEEPING_SECONDS = 60.0

log = structlog.get_logger()
events_handled = Counter("events_total", "Events by outcome", ["consumer", "stream", "outcome"])
events_behind = Gauge(
    "events_behind_seconds", "Age of the event handled last", ["consumer", "stream"]
)


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


@dataclass
class _Failed:
    """An event whose handler raised: kept here, unacknowledged, while the stream goes on."""

    entry: Entry
    attempts: int
    due_at: float


class Follower:
    """One consumer's reading of one stream.

    An entry is acknowledged after the commit of its effects. What a dead reader held is claimed
    after `claim_idle_seconds`. A handler that refuses with Unavailable is tried until it works and
    holds the stream back; any other error counts against the event, which is buried after five,
    or what cannot be handled of one that can be divided.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        client: redis.Redis,
        subscription: Subscription,
        instance: str,
        erased: Erased,
        claim_idle_seconds: float,
        retry_seconds: float,
    ) -> None:
        self._name = name
        self._database = database
        self._redis = client
        self._subscription = subscription
        self._stream = subscription.stream
        self._key = stream_key(subscription.stream)
        self._instance = instance
        self._letters = Letters(name, self._stream, database, erased)
        self._claim_idle_ms = int(claim_idle_seconds * 1000)
        self._retry_seconds = retry_seconds
        self._claiming = Every(claim_idle_seconds / 6, at_once=True)
        self._housekeeping = Every(_HOUSEKEEPING_SECONDS)
        self._failed: dict[str, _Failed] = {}
        self._stop = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Follow the stream until `stop`."""
        self._stop = stop
        keep_going(stop, f"consumer of {self._stream}", self._step)

    def _step(self) -> None:
        try:
            self._retry_due()
            if self._claiming.due():
                self._claim_abandoned()
            self._take(self._read())
            if self._housekeeping.due():
                trim(self._redis, self._stream, keep_seconds=self._subscription.keep_seconds)
                forget_dead_consumers(self._redis, self._stream, self._name, own=self._instance)
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            # The first time ever, or Redis was flushed: what is lost comes again by replay.
            ensure_group(self._redis, self._stream, self._name)

    def _read(self) -> list[Raw]:
        waiting = 50 if self._failed else _BLOCK_MS
        answer = self._redis.xreadgroup(
            self._name, self._instance, {self._key: ">"}, count=BATCH, block=waiting
        )
        return [raw for _, entries in replies(answer) for raw in entries]

    def _claim_abandoned(self) -> None:
        """Take over what a reader that died, or never finished, was given."""
        cursor = b"0-0"
        while not self._stop.is_set():
            answer = self._redis.xautoclaim(
                self._key,
                self._name,
                self._instance,
                self._claim_idle_ms,
                start_id=cursor,
                count=BATCH,
            )
            cursor, claimed = answer[0], cast(list[Raw], answer[1])
            mine = [raw for raw in claimed if raw[0].decode() not in self._failed]
            self._take(self._without_deadly(mine))
            if cursor == b"0-0":
                return

    def _without_deadly(self, claimed: list[Raw]) -> list[Raw]:
        if not claimed:
            return []
        first, last = claimed[0][0], claimed[-1][0]
        pending = self._redis.xpending_range(
            self._key, self._name, first, last, count=_LOOKED_AT, consumername=self._instance
        )
        often = {
            one["message_id"]
            for one in cast(list[dict[str, Any]], pending)
            if one["times_delivered"] > DELIVERIES
        }
        for raw in claimed:
            if raw[0] in often:
                self._bury_raw(raw, f"delivered {DELIVERIES} times and never finished")
        return [raw for raw in claimed if raw[0] not in often]

    def _take(self, raws: Sequence[Raw]) -> None:
        """Handle a batch to its end: when this returns, each is done, buried or set aside."""
        entries: list[Entry] = []
        done: list[str] = []
        for raw in raws:
            try:
                entry = entry_of(*raw)
            except Unreadable as error:
                self._bury_raw(raw, str(error))
                continue
            if entry.event.type in self._subscription.types:
                entries.append(entry)
            else:
                done.append(entry.entry_id)
        self._acknowledge(done)
        if entries:
            self._handle(entries)

    def _handle(self, entries: Sequence[Entry]) -> None:
        error = self._attempt(entries)
        if error is None:
            return
        if len(entries) == 1:
            self._set_aside(entries[0], error, attempts=1)
            return
        for entry in entries:
            if self._stop.is_set():
                return
            failure = self._attempt([entry])
            if failure is not None:
                self._set_aside(entry, failure, attempts=1)

    def _attempt(self, entries: Sequence[Entry], *, acknowledged: bool = True) -> Exception | None:
        """Apply and acknowledge; wait out what is transient; answer an error that is the event's.

        After `stop` nothing is acknowledged that was not applied: another reader claims it.
        """
        backoff = Backoff()
        while True:
            try:
                self._apply(entries)
            except Exception as error:  # noqa: BLE001 - it is logged and counted by the caller
                if not is_transient(error):
                    return error
                log.warning("event waits", stream=self._stream, error=str(error))
                backoff.wait(self._stop)
                if self._stop.is_set():
                    return None
            else:
                if acknowledged:
                    self._acknowledge([entry.entry_id for entry in entries])
                return None

    def _apply(self, entries: Sequence[Entry]) -> None:
        """One transaction: the inbox and every effect."""
        with ExitStack() as stack:
            if self._subscription.batch is not None or len(entries) == 1:
                stack.enter_context(self._span(entries[0]))
            connection = stack.enter_context(self._database.begin())
            fresh = inbox.fresh(connection, self._name, entries)
            if self._subscription.batch is None:
                self._call_handlers(connection, fresh)
            elif fresh:
                self._subscription.batch(connection, [entry.event for entry in fresh])
        self._count("handled", len(fresh))
        self._count("repeated", len(entries) - len(fresh))
        age = datetime.now(UTC) - entries[-1].event.occurred_at
        events_behind.labels(self._name, self._stream).set(max(0.0, age.total_seconds()))

    def _call_handlers(self, connection: Connection, entries: Sequence[Entry]) -> None:
        for entry in entries:
            with self._span(entry):
                self._subscription.types[entry.event.type](connection, entry.event)

    def _span(self, entry: Entry) -> Any:
        name = f"{self._name} handles {entry.event.type}"
        return telemetry.span(name, parent=entry.traceparent, kind=SpanKind.CONSUMER)

    def _retry_due(self) -> None:
        now = time.monotonic()
        for failed in [one for one in self._failed.values() if one.due_at <= now]:
            error = self._attempt([failed.entry])
            if self._stop.is_set():
                return
            if error is not None:
                self._set_aside(failed.entry, error, attempts=failed.attempts + 1)
            else:
                del self._failed[failed.entry.entry_id]

    def _set_aside(self, entry: Entry, error: Exception, *, attempts: int) -> None:
        facts = {"stream": self._stream, "type": entry.event.type, "attempts": attempts}
        log.error("event failed", event_id=str(entry.event.event_id), exc_info=error, **facts)
        due_at = time.monotonic() + self._retry_seconds * 4 ** (attempts - 1)
        # Where it cannot be buried, its last try is made again, and the stream goes on meanwhile.
        counted = min(attempts, ATTEMPTS - 1)
        self._failed[entry.entry_id] = _Failed(entry, counted, due_at)
        if attempts < ATTEMPTS:
            self._count("failed", 1)
            return
        if self._gives_up(entry, error, attempts):
            self._acknowledge([entry.entry_id])
        del self._failed[entry.entry_id]

    def _gives_up(self, entry: Entry, error: Exception, attempts: int) -> bool:
        """Bury an event, or what cannot be handled of it; False where `stop` cut that off, and
        another reader is to begin anew."""
        parts = [replace(entry, event=part) for part in self._subscription.divided(entry.event)]
        if not parts:
            self._bury(entry, "".join(traceback.format_exception(error)), attempts)
            return True
        for part in parts:
            failure = self._attempt([part], acknowledged=False)
            if self._stop.is_set():
                return False
            if failure is not None and not self._gives_up(part, failure, attempts):
                return False
        self._letters.settle(entry)
        return True

    def _bury(self, entry: Entry, error: str, attempts: int) -> None:
        self._letters.bury(entry, error, attempts)
        self._count("buried", 1)

    def _bury_raw(self, raw: Raw, error: str) -> None:
        """Bury an entry that may not even be an event."""
        entry = whatever_it_is(raw)
        log.error("event buried", stream=self._stream, entry_id=entry.entry_id, error=error)
        self._bury(entry, error, ATTEMPTS)
        self._acknowledge([entry.entry_id])

    def _acknowledge(self, entry_ids: Sequence[str]) -> None:
        if entry_ids:
            self._redis.xack(self._key, self._name, *entry_ids)

    def _count(self, outcome: str, number: int) -> None:
        if number:
            events_handled.labels(self._name, self._stream, outcome).inc(number)
