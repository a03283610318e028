"""One stream, followed as a member of a consumer group."""

import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace

import redis
import structlog

from chassis.database import Database
from chassis.events.effects import Effects
from chassis.events.entries import Entry, Unreadable, entry_of
from chassis.events.group import DELIVERIES, Group
from chassis.events.letters import Erased, Letters, whatever_it_is
from chassis.events.streams import Raw
from chassis.events.subscription import Subscription
from chassis.loops import Backoff, Every, is_transient, keep_going

ATTEMPTS = 5
_BLOCK_MS = 500
_BLOCK_WHILE_SOME_FAILED_MS = 50
_HOUSEKEEPING_SECONDS = 60.0

log = structlog.get_logger()


@dataclass
class _Failed:
    """An event whose handler raised: kept here, unacknowledged, while the stream goes on."""

    entry: Entry
    attempts: int
    due_at: float


class Follower:
    """One consumer's reading of one stream.

    An entry is acknowledged after the commit of its effects. A handler that refuses with
    Unavailable is tried until it works and holds the stream back; any other error counts against
    the event, which is buried after five, or what cannot be handled of one that can be divided.
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
        self._subscription = subscription
        self._stream = subscription.stream
        self._group = Group(
            client,
            subscription.stream,
            name=name,
            instance=instance,
            claim_idle_seconds=claim_idle_seconds,
        )
        self._effects = Effects(name, database, subscription)
        self._letters = Letters(name, self._stream, database, erased)
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
                self._take_over()
            block_ms = _BLOCK_WHILE_SOME_FAILED_MS if self._failed else _BLOCK_MS
            self._take(self._group.read(block_ms=block_ms))
            if self._housekeeping.due():
                self._group.tidy(keep_seconds=self._subscription.keep_seconds)
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            # The first time ever, or Redis was flushed: what is lost comes again by replay.
            self._group.ensure()

    def _take_over(self) -> None:
        for claimed in self._group.claim():
            mine = [raw for raw in claimed if raw[0].decode() not in self._failed]
            deadly = self._group.deadly(mine)
            for raw in mine:
                if raw[0] in deadly:
                    self._bury_raw(raw, f"delivered {DELIVERIES} times and never finished")
            self._take([raw for raw in mine if raw[0] not in deadly])
            if self._stop.is_set():
                return

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
        self._group.acknowledge(done)
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
                self._effects.apply(entries)
            except Exception as error:  # noqa: BLE001 - it is logged and counted by the caller
                if not is_transient(error):
                    return error
                log.warning("event waits", stream=self._stream, error=str(error))
                backoff.wait(self._stop)
                if self._stop.is_set():
                    return None
            else:
                if acknowledged:
                    self._group.acknowledge([entry.entry_id for entry in entries])
                return None

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
            self._effects.count("failed", 1)
            return
        if self._gives_up(entry, error, attempts):
            self._group.acknowledge([entry.entry_id])
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
        self._effects.count("buried", 1)

    def _bury_raw(self, raw: Raw, error: str) -> None:
        """Bury an entry that may not even be an event."""
        entry = whatever_it_is(raw)
        log.error("event buried", stream=self._stream, entry_id=entry.entry_id, error=error)
        self._bury(entry, error, ATTEMPTS)
        self._group.acknowledge([entry.entry_id])
