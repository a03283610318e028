"""Redis on one multiplexed connection, and bounded caches in this process."""

import asyncio
import time
from collections import OrderedDict
from typing import Any, Generic, TypeVar

import redis.asyncio as redis
from redis.exceptions import RedisError

Key = TypeVar("Key")
Value = TypeVar("Value")


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


class Recent(Generic[Key, Value]):
    """At most `limit` values, each for at most `seconds`; the longest unused go first."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._values: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value, if it is there and fresh."""
        found = self._values.get(key)
        if found is None:
            return None
        if found[0] < time.monotonic():
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return found[1]

    def put(self, key: Key, value: Value) -> None:
        """Keep a value."""
        self._values[key] = (time.monotonic() + self._seconds, value)
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def drop(self, key: Key) -> None:
        """Forget a value."""
        self._values.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self._values.clear()
