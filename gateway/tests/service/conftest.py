"""A whole gateway in this process, and what may stand between it and Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from chassis.testing.calls import Tokens
from gateway.app import create
from gateway.cache import Multiplexed
from gateway.settings import Settings


@pytest.fixture
def gateway(
    tokens: Tokens, redis_streams_url: str, redis_cache_url: str
) -> Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]:
    """`async with gateway(users_address="...") as api`: it serves, with these settings."""

    @asynccontextmanager
    async def serve(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        given = {
            "redis_streams_url": redis_streams_url,
            "redis_cache_url": redis_cache_url,
            "internal_key": tokens.internal_key,
            **settings,
        }
        app = create(Settings.model_validate(given))
        told = asyncio.Queue[dict[str, str]]()
        said = asyncio.Queue[Any]()
        running = asyncio.create_task(app({"type": "lifespan"}, told.get, said.put))
        await told.put({"type": "lifespan.startup"})
        assert (await said.get())["type"] == "lifespan.startup.complete"
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client
        await told.put({"type": "lifespan.shutdown"})
        await running

    return serve


class DeafEdge:
    """Between us and Redis: while it is deaf to a word, what is sent arrives, and no answer comes
    back to what holds it."""

    def __init__(self, url: str) -> None:
        self._redis = urlsplit(url)
        self.deaf_to = b""

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        there, back = await asyncio.open_connection(self._redis.hostname, self._redis.port)
        while sent := await reader.read(65536):
            back.write(sent)
            answer = await there.read(65536)
            if self.deaf_to and self.deaf_to in sent:
                break
            writer.write(answer)
        back.close()
        writer.close()


@pytest.fixture
async def deaf_edge(redis_cache_url: str) -> AsyncIterator[tuple[DeafEdge, Multiplexed]]:
    """An edge before Redis, and a connection through it."""
    edge = DeafEdge(redis_cache_url)
    server = await asyncio.start_server(edge.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = urlsplit(redis_cache_url).netloc.rpartition("@")[0]
    through = urlsplit(redis_cache_url)._replace(netloc=f"{login}@127.0.0.1:{port}")
    connection = Multiplexed(through.geturl())
    yield edge, connection
    await connection.close()
    server.close()
