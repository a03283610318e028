"""Following streams without a group: for caches, which only want to hear of what happens now."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import redis
import redis.asyncio
import structlog

from chassis.events.entries import Entry, Event, Unreadable, entry_of, stream_key
from chassis.events.streams import Raw, replies, seconds_ago, seconds_before
from chassis.loops import LONGEST_WAIT_SECONDS

BATCH = 500
_BLOCK_MS = 500
_GATHERING_SECONDS = 0.02  # what comes meanwhile is read together

OnEntry = Callable[[str, Entry], Awaitable[None] | None]
"""Called with the key of a stream and an entry of it."""

log = structlog.get_logger()


class _Places:
    """How far each stream has been read."""

    def __init__(self, streams: Sequence[str]) -> None:
        self.after: dict[str, Any] = {stream_key(stream): None for stream in streams}
        self.at_end = False

    @property
    def unknown(self) -> list[str]:
        """Keys of streams whose beginning has not been looked up."""
        return [key for key, entry_id in self.after.items() if entry_id is None]

    def entries(self, answer: Any) -> list[tuple[str, Entry]]:
        """The entries of a reply, each with its stream's key; the places move behind them."""
        found: list[tuple[str, Entry]] = []
        self.at_end = True
        for key, entries in replies(answer):
            self.at_end = self.at_end and len(entries) < BATCH
            found.extend((key, entry) for raw in entries if (entry := _entry(raw)) is not None)
            if entries:
                self.after[key] = entries[-1][0]
        return found

    def events(self, answer: Any) -> list[Event]:
        """The events of a reply; the places move behind them."""
        return [entry.event for _key, entry in self.entries(answer)]


def _entry(raw: Raw) -> Entry | None:
    try:
        return entry_of(*raw)
    except Unreadable as error:
        log.warning("unreadable entry", entry_id=raw[0].decode(), error=str(error))
        return None


def _text(place: bytes | str) -> str:
    return place.decode() if isinstance(place, bytes) else place


def _last_id(newest: Any) -> bytes:
    """From XREVRANGE's answer: where to begin to hear only of what comes."""
    return newest[0][0] if newest else b"0-0"


class Tail:
    """Reads each event from now on, or from `since_seconds` ago."""

    def __init__(
        self, redis: redis.Redis, streams: Sequence[str], *, since_seconds: float = 0.0
    ) -> None:
        self._redis = redis
        self._places = _Places(streams)
        self._since_seconds = since_seconds

    def begin(self) -> None:
        """Fix the beginning now rather than at the first read."""
        for key in self._places.unknown:
            if self._since_seconds:
                self._places.after[key] = seconds_ago(self._redis, self._since_seconds)
            else:
                self._places.after[key] = _last_id(self._redis.xrevrange(key, count=1))

    def read(self, *, block_ms: int = _BLOCK_MS) -> list[Event]:
        """What has come, waiting a moment for it; empty when nothing has."""
        self.begin()
        answer = self._redis.xread(cast(Any, self._places.after), count=BATCH, block=block_ms)
        return self._places.events(answer)

    @property
    def at_end(self) -> bool:
        """Whether the last read took all there was, be it something or nothing."""
        return self._places.at_end


class AsyncTail:
    """`Tail` for asyncio, which also calls back."""

    def __init__(
        self, redis: redis.asyncio.Redis, streams: Sequence[str], *, since_seconds: float = 0.0
    ) -> None:
        self._redis = redis
        self._places = _Places(streams)
        self._since_seconds = since_seconds

    async def begin(self) -> None:
        """Fix the beginning now rather than at the first read."""
        for key in self._places.unknown:
            if self._since_seconds:
                now = await self._redis.time()
                self._places.after[key] = seconds_before(now, self._since_seconds)
            else:
                self._places.after[key] = _last_id(await self._redis.xrevrange(key, count=1))

    async def read(self, *, block_ms: int = _BLOCK_MS) -> list[Event]:
        """What has come, waiting a moment for it; empty when nothing has."""
        await self.begin()
        answer = await self._redis.xread(cast(Any, self._places.after), count=BATCH, block=block_ms)
        return self._places.events(answer)

    @property
    def places(self) -> dict[str, str]:
        """How far each stream has been read, by its key; '0-0' for one not looked at yet."""
        known = self._places.after.items()
        return {key: _text(place) if place is not None else "0-0" for key, place in known}

    async def newest(self) -> dict[str, str]:
        """The last entry of each stream, by its key; '0-0' for an empty one."""
        return {
            key: _last_id(await self._redis.xrevrange(key, count=1)).decode()
            for key in self._places.after
        }

    async def run(self, on_event: Callable[[Event], Awaitable[None] | None]) -> None:
        """Follow until cancelled; an outage of Redis is waited for, and nothing of it missed.

        A callback that raises is logged, and costs its own event alone.
        """

        def on_entry(_key: str, entry: Entry) -> Awaitable[None] | None:
            return on_event(entry.event)

        await self.follow(on_entry)

    async def follow(self, on_entry: OnEntry) -> None:
        """`run`, told also of each entry's stream and id."""
        wait = 0.0
        while True:
            try:
                found_count = await self.tell(on_entry)
            except Exception as error:  # noqa: BLE001 - a cache must not go deaf at a surprise
                log.warning("tail waits", error=repr(error))
                wait = min(LONGEST_WAIT_SECONDS, max(0.1, wait * 2))
                await asyncio.sleep(wait)
                continue
            wait = 0.0
            if found_count:
                await asyncio.sleep(_GATHERING_SECONDS)

    async def tell(self, on_entry: OnEntry, *, block_ms: int = _BLOCK_MS) -> int:
        """Read once, and call back for each entry; answers how many there were.

        A callback that raises is logged, and costs its own event alone.
        """
        await self.begin()
        answer = await self._redis.xread(cast(Any, self._places.after), count=BATCH, block=block_ms)
        found = self._places.entries(answer)
        for key, entry in found:
            await _tell(on_entry, key, entry)
        return len(found)


async def _tell(on_entry: OnEntry, key: str, entry: Entry) -> None:
    """Call back; the place is behind the whole batch, whose rest must not be lost."""
    try:
        answer = on_entry(key, entry)
        if answer is not None:
            await answer
    except Exception:
        log.exception("an event was not taken in", event_id=str(entry.event.event_id))
