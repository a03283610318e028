"""The gateway's way to follow streams."""

import asyncio

import redis.asyncio
from structlog.testing import capture_logs

from chassis.events import AsyncTail, Fact, append, append_async


def fact(name):
    return Fact("marquee.test.v1.Happened", name, 1, b"")


async def test_an_asynchronous_tail_hears_what_comes(redis_streams_url):
    async with redis.asyncio.Redis.from_url(redis_streams_url) as client:
        heard = asyncio.Queue()
        tail = AsyncTail(client, ["one.events", "two.events"])
        await tail.begin()
        following = asyncio.create_task(tail.run(lambda event: heard.put(event.aggregate_id)))
        await append_async(client, "one.events", [fact("a")])
        assert await asyncio.wait_for(heard.get(), 10) == "a"
        await append_async(client, "two.events", [fact("b")], keep=1000)
        assert await asyncio.wait_for(heard.get(), 10) == "b"
        following.cancel()


async def test_an_asynchronous_tail_goes_on_after_redis_was_away(own_valkey, own_redis):
    async with redis.asyncio.Redis.from_url(own_valkey.url) as client:
        heard = asyncio.Queue()
        tail = AsyncTail(client, ["one.events"])
        await tail.begin()
        following = asyncio.create_task(tail.run(lambda event: heard.put(event.aggregate_id)))
        append(own_redis, "one.events", [fact("a")])
        assert await asyncio.wait_for(heard.get(), 10) == "a"
        own_valkey.kill()
        own_valkey.start()  # by the main thread, for its child ends with the thread
        append(own_redis, "one.events", [fact("b")])
        assert await asyncio.wait_for(heard.get(), 20) == "b"
        following.cancel()


async def test_what_one_event_breaks_is_said_and_the_others_are_heard(redis_streams_url):
    heard = asyncio.Queue()

    async def hear(event):
        if event.aggregate_id == "b":
            raise ValueError(event.aggregate_id)
        await heard.put(event.aggregate_id)

    async with redis.asyncio.Redis.from_url(redis_streams_url) as client:
        broken = fact("b")
        await append_async(client, "one.events", [fact("a"), broken, fact("c")])
        tail = AsyncTail(client, ["one.events"], since_seconds=60)
        with capture_logs() as logged:
            following = asyncio.create_task(tail.run(hear))
            assert await asyncio.wait_for(heard.get(), 10) == "a"
            assert await asyncio.wait_for(heard.get(), 10) == "c"
            following.cancel()
    assert [line["event_id"] for line in logged] == [str(broken.event_id)]


async def test_an_asynchronous_tail_can_begin_in_the_past(redis_streams_url):
    async with redis.asyncio.Redis.from_url(redis_streams_url) as client:
        await append_async(client, "one.events", [fact("a")])
        tail = AsyncTail(client, ["one.events"], since_seconds=60)
        assert [event.aggregate_id for event in await tail.read()] == ["a"]
