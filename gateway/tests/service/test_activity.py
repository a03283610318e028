"""What the gateway alone sees, on its way into the stream."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.embedded import EmbeddedValkey
from chassis.keeper import free_port
from gateway.activity import COUNTS_AT_MOST, STREAM, Client, Recorder
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
    deaf_edge: tuple[Any, Multiplexed], streams: Multiplexed
) -> None:
    edge, connection = deaf_edge
    list_id, user_id = str(uuid4()), uuid4()
    offer = events.FallbackOffer(recommendation_id=str(uuid4()), movie_id=7, position=1)
    recorder = Recorder(connection, "one")
    edge.deaf_to = b"XADD"
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


async def test_pages_that_wait_for_redis_are_bounded_and_make_room_again(tmp_path: Path) -> None:
    own = EmbeddedValkey(tmp_path / "valkey", free_port())
    own.start()
    connection = Multiplexed(own.url)
    recorder = Recorder(connection, "one")
    large = events.FallbackOffer(recommendation_id="x" * 1024 * 1024)
    for _ in range(2):
        own.kill()
        for _ in range(100):
            await recorder.fell_back(uuid4(), "list", [large])
        own.start()
        await recorder.flush()
        assert await connection.run("XLEN", STREAM) == 32
    await connection.close()
    own.stop()


async def heal(edge: Any, recorder: Recorder) -> None:
    """Send what there is into deafness, and once more after it."""
    edge.deaf_to = b"XADD"
    await recorder.flush()
    edge.deaf_to = b""
    await recorder.flush()


async def test_counts_of_use_are_bounded_while_redis_is_away(streams: Multiplexed) -> None:
    recorder, instance = Recorder(streams, "one"), str(uuid4())
    for number in range(COUNTS_AT_MOST + 10):
        recorder.served("GET", f"/{instance}/{number}", 200, "curl", 0.001)
    recorder.served("GET", f"/{instance}/0", 200, "curl", 0.001)
    await recorder.flush()
    usages = [
        usage
        for _, fact in await told(streams, events.RequestsServed)
        for usage in fact.usages
        if instance in usage.route
    ]
    assert len(usages) == COUNTS_AT_MOST
    assert sum(usage.requests_count for usage in usages) == COUNTS_AT_MOST + 1
