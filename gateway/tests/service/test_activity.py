"""What the gateway alone sees, on its way into the stream."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from gateway.activity import STREAM, Recorder
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
