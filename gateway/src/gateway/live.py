"""What people are told while they listen: one tail a process, and a few words a listener.

Every gateway reads the same streams, the last fifteen minutes of them too, so a listener who comes
back, to whichever gateway, is told what was missed: an event's id is the place in each stream.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from google.protobuf.message import DecodeError
from redis.exceptions import RedisError

from chassis.events import AsyncTail, Entry, Event, stream_key
from gateway.auth import Person
from gateway.cache import Recent
from gateway.told import (
    CHANGED,
    Placed,
    Places,
    Told,
    any_before,
    everything_may_have_changed,
    heartbeat,
    message,
    place_of,
    places_of,
    told_by,
)

STREAMS = ("interactions.events", "users.events", "recommender.events")
HELD_SECONDS = 900.0

_HELD_MILLISECONDS = int(HELD_SECONDS * 1000)
_HEARTBEAT_SECONDS = 15
_TICK_SECONDS = 1.0
_CATCHING_UP_SECONDS = 5.0
_PAUSE_SECONDS = 0.2
_PEOPLE_HELD = 50_000
_NOTICES_HELD = 50
_NEWS_HELD = 50_000
_NEWS_SECONDS = 86_400.0
_LISTENERS_OF_A_PERSON = 10

log = structlog.get_logger()

Render = Callable[[Told], Awaitable[Mapping[str, Any]]]
"""Completes what is told at the moment it is told."""


@dataclass(eq=False)
class Listener:
    """One open stream."""

    person: Person
    good_until: float
    waiting: list[Placed] = field(default_factory=list[Placed])
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    beat_due: bool = True
    """At first too, for it tells where the listener begins."""
    closed: bool = False

    def add(self, placed: Placed) -> None:
        """Queue something; of changes only the last is worth telling."""
        if placed.told.event == CHANGED:
            self.waiting = [one for one in self.waiting if one.told.event != CHANGED]
        self.waiting = [*self.waiting[-_NOTICES_HELD:], placed]
        self.awake.set()

    def close(self) -> None:
        """End it."""
        self.closed = True
        self.awake.set()


class Live:
    """Listeners of this process, and what happened in the last fifteen minutes."""

    def __init__(
        self,
        tail: AsyncTail,
        *,
        has_ended: Callable[[Person], bool],
        limit: int,
        imported: Callable[[UUID, int], Awaitable[None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tail = tail
        self._has_ended = has_ended
        self._limit = limit
        self._imported = imported
        self._now = now
        self._keys = [stream_key(name) for name in STREAMS]
        self._began: Places = ((0, 0),) * len(STREAMS)
        self._places: list[tuple[int, int]] = list(self._began)
        self._number = 0
        self._changes: Recent[UUID, Placed] = Recent(_PEOPLE_HELD, HELD_SECONDS)
        self._notices: Recent[UUID, list[Placed]] = Recent(_PEOPLE_HELD, HELD_SECONDS)
        self._told_today: Recent[tuple[UUID, str], bool] = Recent(_NEWS_HELD, _NEWS_SECONDS)
        self._for_all: Placed | None = None
        self._listeners: dict[UUID, list[Listener]] = {}
        self._count = 0
        self._caught_up = asyncio.Event()
        self._stopping = False

    @property
    def full(self) -> bool:
        """Whether nobody more may listen here."""
        return self._stopping or self._count >= self._limit

    async def run(self) -> None:
        """Follow the streams and look after the listeners until cancelled."""
        await asyncio.gather(self._follow(), self._look_after())

    async def listen(
        self, person: Person, good_until: float, last_event_id: str, render: Render
    ) -> AsyncGenerator[bytes]:
        """What a person is told, as Server-Sent Events; it ends with their token or session."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._caught_up.wait(), _CATCHING_UP_SECONDS)
        listener = self._admitted(person, good_until)
        try:
            for placed in self._missed(person.user_id, last_event_id):
                listener.add(placed)
            while not listener.closed:
                await listener.awake.wait()
                listener.awake.clear()
                told, listener.waiting = listener.waiting, []
                for placed in told:
                    facts = await render(placed.told)
                    yield message(placed.places, placed.told.event, facts)
                if listener.beat_due and not listener.waiting:
                    listener.beat_due = False
                    yield heartbeat(tuple(self._places))
                await asyncio.sleep(_PAUSE_SECONDS)  # what comes meanwhile is told at once
        finally:
            self._forget(listener)

    def tick(self, *, beat: bool) -> None:
        """End streams whose token or session has ended; with `beat`, have all say they live."""
        now = self._now()
        for listener in self._all():
            if now >= listener.good_until or self._has_ended(listener.person):
                listener.close()
            elif beat:
                listener.beat_due = True
                listener.awake.set()

    def close(self) -> None:
        """End every stream, and those that begin from now on: the process is about to stop."""
        self._stopping = True
        for listener in self._all():
            listener.close()

    async def _follow(self) -> None:
        while not self._caught_up.is_set():
            try:
                await self._catch_up()
            except RedisError as error:
                log.warning("live waits for Redis", error=str(error))
                await asyncio.sleep(_TICK_SECONDS)
        await self._tail.follow(self._happened)

    async def _catch_up(self) -> None:
        """Read what happened before this process began: only who missed it is told of that."""
        newest = await self._tail.newest()
        await self._tail.begin()
        began = self._tail.places
        beginning = [place_of(began[key]) for key in self._keys]
        self._places = list(beginning)
        # Where nothing has happened for long, nobody can have missed anything before that.
        quiet = [place_of(newest[key]) for key in self._keys]
        self._began = tuple(map(min, self._places, quiet))
        while await self._tail.tell(self._happened, block_ms=1):
            pass
        for stream, place in enumerate(self._places):
            if place == beginning[stream]:  # silent ever since: nothing up to now was there to tell
                self._places[stream] = (place[0] + _HELD_MILLISECONDS - 1000, 0)
        self._caught_up.set()

    async def _happened(self, key: str, entry: Entry) -> None:
        """Take note of an entry, and tell who listens."""
        stream = self._keys.index(key)
        self._places[stream] = place_of(entry.entry_id)
        try:
            told = told_by(entry.event)
        except (DecodeError, ValueError):
            log.exception("an event cannot be told", event_id=str(entry.event.event_id))
            return
        for one in told:
            if one.user_id is not None and one.sequence and one.facts["cause"] == "import":
                # No request of theirs has told any gateway how far an import has brought them.
                await self._imported(one.user_id, one.sequence)
            if not self._is_news(one, entry.event):
                continue
            self._number += 1
            self._tell(Placed(one, stream, tuple(self._places), self._number))

    def _is_news(self, told: Told, event: Event) -> bool:
        """Whether to notify of it: some follow in a loop, and a Redis that has forgotten all is
        told of seven days again."""
        if told.user_id is None or not told.about:
            return True
        key = told.user_id, told.about
        old = self._now() - event.occurred_at.timestamp() > _NEWS_SECONDS
        if old or self._told_today.get(key):
            return False
        self._told_today.put(key, True)  # noqa: FBT003 - that it is there is all it says
        return True

    async def _look_after(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            ticks += 1
            self.tick(beat=ticks % _HEARTBEAT_SECONDS == 0)

    def _tell(self, placed: Placed) -> None:
        user_id = placed.told.user_id
        if user_id is None:
            self._for_all = placed
            for listener in self._all():
                listener.add(placed)
            return
        if placed.told.event == CHANGED:
            self._changes.put(user_id, placed)
        else:
            held = self._notices.get(user_id) or []
            self._notices.put(user_id, [*held[1 - _NOTICES_HELD :], placed])
        for listener in self._listeners.get(user_id, ()):
            listener.add(placed)

    def _missed(self, user_id: UUID, last_event_id: str) -> list[Placed]:
        """What a listener was not told since; where nobody knows, that all may have changed."""
        if not last_event_id:
            return []
        since = places_of(last_event_id, len(STREAMS))
        held = [*(self._notices.get(user_id) or []), self._changes.get(user_id), self._for_all]
        missed = [one for one in held if one and (since is None or one.missed_since(since))]
        if since is None or any_before(since, self._began):
            lost = everything_may_have_changed(user_id, self._now())
            missed.append(Placed(lost, 0, tuple(self._places), self._number))
        return sorted(missed, key=lambda one: one.number)

    def _admitted(self, person: Person, good_until: float) -> Listener:
        listener = Listener(person, good_until, closed=self._stopping)
        listener.awake.set()
        own = self._listeners.setdefault(person.user_id, [])
        own.append(listener)
        self._count += 1
        # All before the newest ten: one that is closed takes a moment to go.
        for older in own[:-_LISTENERS_OF_A_PERSON]:
            older.close()
        return listener

    def _forget(self, listener: Listener) -> None:
        own = self._listeners.get(listener.person.user_id, [])
        own.remove(listener)
        self._count -= 1
        if not own:
            self._listeners.pop(listener.person.user_id, None)

    def _all(self) -> Sequence[Listener]:
        return [one for own in self._listeners.values() for one in own]
