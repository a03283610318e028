"""The gateway's way to follow streams."""

import asyncio

import redis.asyncio

from chassis.events import AsyncTail, Fact, append_async


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


async def test_an_asynchronous_tail_can_begin_in_the_past(redis_streams_url):
    async with redis.asyncio.Redis.from_url(redis_streams_url) as client:
        await append_async(client, "one.events", [fact("a")])
        tail = AsyncTail(client, ["one.events"], since_seconds=60)
        assert [event.aggregate_id for event in await tail.read()] == ["a"]
