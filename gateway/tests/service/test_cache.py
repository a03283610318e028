"""The multiplexed connection to a real Redis, and the bounded cache."""

import asyncio
from uuid import uuid4

import pytest
from fastapi import Request
from redis.exceptions import RedisError

from chassis.errors import Exhausted
from gateway.cache import Multiplexed, Recent
from gateway.limits import LIMITED, Limit, Limits
from gateway.sequences import Sequences


@pytest.fixture
async def cache(redis_cache_url: str):
    connection = Multiplexed(redis_cache_url)
    yield connection
    await connection.close()


async def test_many_at_once_each_get_their_own_reply(cache: Multiplexed) -> None:
    await asyncio.gather(*(cache.run("SET", f"key-{n}", n) for n in range(200)))
    replies = await asyncio.gather(*(cache.run("GET", f"key-{n}") for n in range(200)))
    assert [int(reply) for reply in replies] == list(range(200))


async def test_a_command_that_cannot_be_written_is_answered_too(cache: Multiplexed) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(RedisError, match="surrogates"):
            await cache.run("SET", "key", "\ud800")
    assert await cache.run("SET", "key", 1)


async def test_one_wrong_command_spoils_no_other(cache: Multiplexed) -> None:
    wrong, right = await asyncio.gather(
        cache.run("NOSUCH"), cache.run("SET", "key", 1), return_exceptions=True
    )
    assert isinstance(wrong, RedisError)
    assert right


async def test_a_limit_refuses_the_one_too_many(cache: Multiplexed) -> None:
    limits = Limits(cache)
    limit = Limit("test", 3, 10_000_000)
    for left in (2, 1, 0):
        assert f"r={left};" in await _told(limits, limit, "somebody")
    request = _request()
    with pytest.raises(Exhausted):
        await limits.take(limit, "somebody", request)
    assert "r=0;" in _state(request), "a refusal says it too"
    assert "r=2;" in await _told(limits, limit, "somebody else")


def _request() -> Request:
    return Request({"type": "http", "headers": []})


def _state(request: Request) -> str:
    """What the answer says of the limit."""
    return dict(request.scope[LIMITED])[b"ratelimit"].decode()


async def _told(limits: Limits, limit: Limit, who: str) -> str:
    request = _request()
    await limits.take(limit, who, request)
    return _state(request)


async def test_a_dead_redis_limits_nobody() -> None:
    dead = Multiplexed("redis://127.0.0.1:1/0")
    await Limits(dead).take(Limit("test", 1, 60), "somebody", _request())
    await dead.close()


async def test_the_greatest_sequence_is_known_to_every_gateway(cache: Multiplexed) -> None:
    user_id = uuid4()
    one, other = Sequences(cache, "sequence"), Sequences(cache, "sequence")
    assert await other.known(user_id) is None
    await asyncio.gather(*(one.saw(user_id, number) for number in (3, 9, 4)))
    assert await other.known(user_id) == 9
    await other.saw(user_id, 5)
    assert await one.known(user_id) == 9


async def test_what_an_event_told_counts_here_and_hides_nothing_from_others(
    cache: Multiplexed,
) -> None:
    user_id = uuid4()
    one, other = Sequences(cache, "sequence"), Sequences(cache, "sequence")
    await one.saw(user_id, 3)
    one.heard(user_id, 5)
    assert await one.known(user_id) == 5
    assert await other.known(user_id) == 3
    await one.saw(user_id, 5)
    assert await other.known(user_id) == 5


async def test_a_forgetful_redis_is_told_again(cache: Multiplexed) -> None:
    user_id = uuid4()
    sequences = Sequences(cache, "sequence")
    await sequences.saw(user_id, 3)
    await cache.run("DEL", f"sequence:{user_id}")
    assert await sequences.known(user_id) is None
    await sequences.saw(user_id, 3)
    assert await sequences.known(user_id) == 3


def test_the_longest_unused_goes_first() -> None:
    recent: Recent[str, int] = Recent(2, 60)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert recent.get("b") is None
    assert recent.get("a") == 1


def test_large_values_push_each_other_out() -> None:
    recent: Recent[str, int] = Recent(10, 60, most_bytes=100)
    recent.put("a", 1, 40)
    recent.put("b", 2, 40)
    recent.put("b", 3, 60)
    assert (recent.get("a"), recent.get("b")) == (1, 3)
    recent.put("c", 4, 30)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (None, 3, 4)
    recent.drop("b")
    recent.put("d", 5, 70)
    assert (recent.get("c"), recent.get("d")) == (4, 5)
    recent.clear()
    recent.put("e", 6, 50)
    recent.put("f", 7, 50)
    assert (recent.get("e"), recent.get("f")) == (6, 7)


def test_the_old_is_forgotten() -> None:
    recent: Recent[str, int] = Recent(2, -1)
    recent.put("a", 1)
    assert recent.get("a") is None
