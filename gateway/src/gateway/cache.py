"""Redis on one multiplexed connection, and bounded caches in this process."""

import asyncio
import time
from collections import OrderedDict
from typing import Any, Generic, NamedTuple, TypeVar

import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

Key = TypeVar("Key")
Value = TypeVar("Value")

log = structlog.get_logger()


class Multiplexed:
    """One Redis connection shared by all requests; commands of one loop turn go as one pipeline.

    `run` answers the command's reply, or raises RedisError when Redis is away: the caller says
    what it does without.
    """

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            single_connection_client=True,
            socket_timeout=0.5,
            socket_connect_timeout=0.5,
        )
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def run(self, *command: Any) -> Any:
        """The reply to one command, such as `run("GET", "name")`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return await future

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                pipeline = self._client.pipeline(transaction=False)
                for command, _future in batch:
                    pipeline.execute_command(*command)
                replies = await pipeline.execute(raise_on_error=False)
            except (RedisError, OSError, asyncio.CancelledError) as error:
                replies = [RedisError(str(error))] * len(batch)
            except Exception as error:
                log.exception("commands for Redis failed", commands=len(batch))
                replies = [RedisError(repr(error))] * len(batch)
            for (_command, future), reply in zip(batch, replies, strict=True):
                _settle(future, reply)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def _settle(future: asyncio.Future[Any], reply: Any) -> None:
    if future.done():
        return
    if isinstance(reply, Exception):
        future.set_exception(reply)
    else:
        future.set_result(reply)


class _Held(NamedTuple, Generic[Value]):
    until: float
    value: Value
    size: int


class Recent(Generic[Key, Value]):
    """At most `limit` values, each for at most `seconds`; the longest unused go first.

    Where their sizes are told, they are at most `most_bytes` together.
    """

    def __init__(self, limit: int, seconds: float, most_bytes: int = 0) -> None:
        self._limit = limit
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._bytes = 0
        self._values: OrderedDict[Key, _Held[Value]] = OrderedDict()
        self.changes = 0
        """How often something was dropped: what was asked for before may be old."""

    def get(self, key: Key) -> Value | None:
        """The value, if it is there and fresh."""
        found = self._values.get(key)
        if found is None:
            return None
        if found.until < time.monotonic():
            self._forget(key)
            return None
        self._values.move_to_end(key)
        return found.value

    def put(self, key: Key, value: Value, size: int = 0) -> None:
        """Keep a value, of so many bytes."""
        self._forget(key)
        now = time.monotonic()
        while self._values and (
            self._oldest().until < now
            or len(self._values) >= self._limit
            or self._bytes + size > self._most_bytes
        ):
            self._bytes -= self._values.popitem(last=False)[1].size
        self._values[key] = _Held(now + self._seconds, value, size)
        self._bytes += size

    def drop(self, key: Key) -> None:
        """Forget a value that has changed."""
        self.changes += 1
        self._forget(key)

    def clear(self) -> None:
        """Forget all."""
        self.changes += 1
        self._values.clear()
        self._bytes = 0

    def _forget(self, key: Key) -> None:
        if found := self._values.pop(key, None):
            self._bytes -= found.size

    def _oldest(self) -> _Held[Value]:
        return next(iter(self._values.values()))
