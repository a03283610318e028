"""What the gateway alone sees, on its way into the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from gateway.activity import STREAM, Client, Recorder
from gateway.cache import Multiplexed
from marquee.gateway.v1 import events_pb2 as events


@pytest.fixture
async def streams(redis_cache_url: str) -> AsyncIterator[Multiplexed]:
    connection = Multiplexed(redis_cache_url)
    yield connection
    await connection.close()


async def test_a_page_made_without_the_recommender_is_told_before_it_is_answered(
    streams: Multiplexed,
) -> None:
    list_id = str(uuid4())
    offer = events.FallbackOffer(recommendation_id=str(uuid4()), movie_id=7, position=1)
    await Recorder(streams, "one").fell_back(uuid4(), list_id, [offer])
    (entry,) = await streams.run("XREVRANGE", STREAM, "+", "-", "COUNT", 1)
    assert list_id.encode() in repr(entry).encode()


class DeafEdge:
    """Between us and Redis: while it is deaf, what is sent arrives and no answer comes back."""

    def __init__(self, url: str) -> None:
        self._redis = urlsplit(url)
        self.deaf = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        there, back = await asyncio.open_connection(self._redis.hostname, self._redis.port)
        while sent := await reader.read(65536):
            back.write(sent)
            answer = await there.read(65536)
            if self.deaf and b"XADD" in sent:
                break
            writer.write(answer)
        back.close()
        writer.close()


@asynccontextmanager
async def deaf_edge(url: str) -> AsyncIterator[tuple[DeafEdge, Multiplexed]]:
    edge = DeafEdge(url)
    server = await asyncio.start_server(edge.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = urlsplit(url).netloc.rpartition("@")[0]
    through = urlsplit(url)._replace(netloc=f"{login}@127.0.0.1:{port}")
    connection = Multiplexed(through.geturl())
    yield edge, connection
    await connection.close()
    server.close()


async def told(streams: Multiplexed, kind: Any) -> list[tuple[UUID, Any]]:
    """Event id and message of each entry of the stream that is of this kind."""
    entries = await streams.run("XRANGE", STREAM, "-", "+")
    name = kind.DESCRIPTOR.full_name.encode()
    return [
        (UUID(fact[b"id"].decode()), kind.FromString(fact[b"payload"]))
        for _entry_id, fact in entries
        if fact[b"type"] == name
    ]


async def test_what_redis_took_without_saying_so_is_told_again_as_the_same_event(
    redis_cache_url: str, streams: Multiplexed
) -> None:
    list_id, user_id = str(uuid4()), uuid4()
    offer = events.FallbackOffer(recommendation_id=str(uuid4()), movie_id=7, position=1)
    async with deaf_edge(redis_cache_url) as (edge, connection):
        recorder = Recorder(connection, "one")
        edge.deaf = True
        await recorder.fell_back(user_id, list_id, [offer])
        await heal(edge, recorder)
        recorder.saw(user_id, "search", Client("", ""), query="q")
        await heal(edge, recorder)
        recorder.served("GET", f"/{list_id}", 200, "curl", 0.001)
        await heal(edge, recorder)
    for kind, mark in (
        (events.FallbackServed, list_id),
        (events.ActivityObserved, str(user_id)),
        (events.RequestsServed, list_id),
    ):
        ids = [event_id for event_id, fact in await told(streams, kind) if mark in str(fact)]
        assert len(ids) > 1, "it was sent again"
        assert len(set(ids)) == 1, kind


async def heal(edge: DeafEdge, recorder: Recorder) -> None:
    """Send what there is into deafness, and once more after it."""
    edge.deaf = True
    await recorder.flush()
    edge.deaf = False
    await recorder.flush()
