"""What the gateway alone sees: views, searches and the use of the API, sent on every second."""

import asyncio
import re
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import structlog
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from redis.exceptions import RedisError

from chassis.database import uuid7
from gateway.cache import Multiplexed
from marquee.gateway.v1 import events_pb2 as events

STREAM = "{marquee}:gateway.activity"
_FLUSH_SECONDS = 0.5
_BATCH = 500
_WAITING_AT_MOST = 50_000
# So many pages of 20 movies are 60 MB, of 100 movies 280 MB, each beside 600 bytes a page.
_WAITING_BYTES_AT_MOST = 32 * 1024 * 1024
COUNTS_AT_MOST = 20_000
_STREAM_ENTRIES_AT_MOST = 200_000
_CLIENTS_AT_MOST = 100
_LONGEST_PRODUCT = 40
_PRODUCT = re.compile(r"^[A-Za-z][A-Za-z0-9._-]*")

Entry = dict[str, str | bytes]
"""An event as the stream keeps it; it has its id from the beginning."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Client:
    """Where a request came from, as far as that is kept."""

    address: str
    """Truncated."""
    agent: str


class Recorder:
    """Gathers activities and usage and appends them to `gateway.activity`.

    May lose what it gathered in the last half second when the process dies; holds on to it
    (bounded) while Redis is away. What Redis may have taken without saying so is sent again as the
    same event, which consumers take once.
    """

    def __init__(self, redis: Multiplexed, instance: str) -> None:
        self._redis = redis
        self._instance = instance
        self._activities: list[events.Activity] = []
        self._unsent: deque[Entry] = deque()
        self._unsent_bytes = 0
        self._usage: dict[tuple[str, str, int, str, int], list[float]] = defaultdict(
            lambda: [0, 0.0]
        )
        self._clients = {"other"}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin sending."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    def saw(
        self,
        user_id: UUID,
        activity_type: str,
        client: Client,
        *,
        movie_id: int = 0,
        **metadata: Any,
    ) -> None:
        """A person did something that no service writes down by itself."""
        if len(self._activities) >= _WAITING_AT_MOST:
            return
        self._activities.append(
            events.Activity(
                event_id=str(uuid7()),
                user_id=str(user_id),
                activity_type=activity_type,
                movie_id=movie_id,
                metadata_json=orjson.dumps(metadata).decode(),
                address=client.address,
                agent=client.agent,
                occurred_at=_now(),
            )
        )

    async def fell_back(
        self, user_id: UUID, list_id: str, offers: Sequence[events.FallbackOffer]
    ) -> None:
        """A page was made without the recommender, which is told at once what was on it: somebody
        may click on it soon."""
        served = events.FallbackServed(
            user_id=str(user_id), list_id=list_id, offers=offers, served_at=_now()
        )
        entry = self._entry(served)
        if await self._append(entry):
            return
        if len(self._unsent) < _WAITING_AT_MOST and self._unsent_bytes < _WAITING_BYTES_AT_MOST:
            self._wait(entry)

    def served(self, method: str, route: str, status: int, agent: str, seconds: float) -> None:
        """A request was answered."""
        client = self._client_name(agent)
        counted = method, route, status, client, int(time.time() // 60) * 60
        if counted not in self._usage and len(self._usage) >= COUNTS_AT_MOST:
            return
        usage = self._usage[counted]
        usage[0] += 1
        usage[1] += seconds * 1000

    def _client_name(self, agent: str) -> str:
        """The product of a user agent; `other` once there are too many to tell apart."""
        name = _product(agent[:_LONGEST_PRODUCT])
        if name not in self._clients:
            if len(self._clients) >= _CLIENTS_AT_MOST:
                return "other"
            self._clients.add(name)
        return name

    async def flush(self) -> None:
        """Send everything gathered so far."""
        while await self._send_unsent():
            if self._activities:
                batch, self._activities = self._activities[:_BATCH], self._activities[_BATCH:]
                self._wait(self._entry(events.ActivityObserved(activities=batch)))
            elif self._usage:
                self._wait(self._entry(self._take_usage()))
            else:
                return

    async def _send_unsent(self) -> bool:
        """Whether Redis has taken all of it."""
        while self._unsent:
            if not await self._append(self._unsent[0]):
                return False
            self._unsent_bytes -= len(self._unsent.popleft()["payload"])
        return True

    def _wait(self, entry: Entry) -> None:
        self._unsent.append(entry)
        self._unsent_bytes += len(entry["payload"])

    def _take_usage(self) -> events.RequestsServed:
        gathered, self._usage = self._usage, defaultdict(lambda: [0, 0.0])
        usages = [
            events.RouteUsage(
                method=method,
                route=route,
                status=status,
                client=client,
                requests_count=int(count),
                total_milliseconds=milliseconds,
                minute=Timestamp(seconds=minute),
            )
            for (method, route, status, client, minute), (count, milliseconds) in gathered.items()
        ]
        return events.RequestsServed(instance=self._instance, usages=usages)

    def _entry(self, fact: Message) -> Entry:
        return {
            "id": str(uuid7()),
            "type": fact.DESCRIPTOR.full_name,
            "schema_version": "1",
            "aggregate_id": self._instance,
            "aggregate_version": "0",
            "actor": "",
            "occurred_at": datetime.now(UTC).isoformat(),
            "traceparent": "",
            "payload": fact.SerializeToString(),
        }

    async def _append(self, entry: Entry) -> bool:
        flat = [part for pair in entry.items() for part in pair]
        limit = ("MAXLEN", "~", _STREAM_ENTRIES_AT_MOST)
        try:
            await self._redis.run("XADD", STREAM, *limit, "*", *flat)
        except RedisError as error:
            log.warning("activity waits for Redis", error=str(error))
            return False
        return True

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.flush()


@lru_cache(1024)
def _product(agent: str) -> str:
    found = _PRODUCT.match(agent)
    return found.group() if found else "other"


def _now() -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC))
    return stamp
