"""Live streams over a real Redis: told once, resumed anywhere, ended with the session."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis.asyncio
from google.protobuf.message import Message
from redis import Redis

from chassis.events import AsyncTail, Fact, append
from gateway.auth import Person
from gateway.live import HELD_SECONDS, STREAMS, Live
from gateway.told import Told
from marquee.interactions.v1 import events_pb2 as interactions
from marquee.recommender.v1 import events_pb2 as recommender
from marquee.users.v1 import events_pb2 as users

PATIENCE_SECONDS = 30


def somebody() -> Person:
    return Person(uuid.uuid4(), uuid.uuid4(), "user", "token")


async def plainly(told: Told) -> Mapping[str, Any]:
    return {**told.facts, "follower_id": told.follower_id} if told.follower_id else told.facts


class Gateway:
    """One process of several that follow the same streams."""

    def __init__(self, url: str) -> None:
        self.ended: set[Person] = set()
        self.misheard: set[uuid.UUID] = set()
        self.now = time.time()
        self._client = redis.asyncio.Redis.from_url(url)
        tail = AsyncTail(self._client, STREAMS, since_seconds=HELD_SECONDS)
        self.imported: dict[uuid.UUID, int] = {}
        self.live = Live(
            tail,
            has_ended=lambda one: one in self.ended,
            limit=100,
            imported=self._has_imported,
            now=lambda: self.now,
        )
        self._task = asyncio.create_task(self.live.run())

    async def _has_imported(self, user_id: uuid.UUID, sequence: int) -> None:
        if user_id in self.misheard:
            raise ValueError(user_id)
        self.imported[user_id] = sequence

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._client.aclose()

    def listen(
        self, person: Person, last_event_id: str = "", until: float | None = None
    ) -> "Heard":
        until = self.now + 3600 if until is None else until
        return Heard(self.live.listen(person, until, last_event_id, plainly))


class Heard:
    """What one listener is sent, read event by event; heartbeats are passed over."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self.last_event_id = ""

    async def begins(self) -> "Heard":
        """Until the first words: from then on nothing is missed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._words()
        return self

    async def next(self) -> tuple[str, dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "event" not in (fields := await self._words()):
                pass
        return fields["event"], json.loads(fields["data"])

    async def ends(self) -> bool:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _words in self._stream:
                pass
        return True

    async def leave(self) -> None:
        await self._stream.aclose()  # pyright: ignore[reportAttributeAccessIssue]

    async def _words(self) -> dict[str, str]:
        text = (await anext(self._stream)).decode()
        assert text.endswith("\n\n")
        fields = dict(line.split(": ", 1) for line in text.strip().split("\n"))
        self.last_event_id = fields["id"]
        return fields


@pytest.fixture
async def gateway(redis_streams_url: str) -> AsyncIterator[Callable[[], Gateway]]:
    started: list[Gateway] = []

    def start() -> Gateway:
        started.append(Gateway(redis_streams_url))
        return started[-1]

    yield start
    for one in started:
        await one.close()


def tell(redis_streams: Redis, stream: str, *messages: Message, **more: Any) -> None:
    facts = [
        Fact(one.DESCRIPTOR.full_name, "aggregate", 1, one.SerializeToString(), **more)
        for one in messages
    ]
    append(redis_streams, stream, facts)


def rated(person: Person, movie_id: int = 1) -> interactions.MovieRated:
    return interactions.MovieRated(user_id=str(person.user_id), movie_id=movie_id, sequence=7)


def followed(person: Person, follower: str) -> Message:
    return users.UserFollowed(user_id=follower, followed_user_id=str(person.user_id))


async def test_people_are_told_of_themselves_and_of_nobody_else(gateway, redis_streams):
    one, other, here = somebody(), somebody(), gateway()
    heard, overheard = await here.listen(one).begins(), await here.listen(other).begins()
    tell(redis_streams, "interactions.events", rated(one))
    event, facts = await heard.next()
    assert (event, facts["cause"]) == ("recommendations_changed", "interaction")

    tell(redis_streams, "users.events", followed(one, "f1"))
    assert await heard.next() == (
        "notification",
        {"kind": "follower", "occurred_at": None, "follower_id": "f1"},
    )
    tell(redis_streams, "recommender.events", recommender.ModelPromoted(model_version="v"))
    for listener in (heard, overheard):
        event, facts = await listener.next()
        assert (event, facts["cause"]) == ("recommendations_changed", "model")


async def test_who_follows_again_and_again_is_told_of_once(gateway, redis_streams):
    one, here = somebody(), gateway()
    heard = await here.listen(one).begins()
    for _ in range(3):
        tell(redis_streams, "users.events", followed(one, "f1"))
    tell(redis_streams, "users.events", followed(somebody(), "f1"), followed(one, "f2"))
    told = [(await heard.next())[1]["follower_id"] for _ in range(2)]
    assert told == ["f1", "f2"]


async def test_what_a_flushed_redis_is_told_again_is_no_news(gateway, redis_streams):
    one, here = somebody(), gateway()
    heard = await here.listen(one).begins()
    out = interactions.WatchlistMovieReleased(user_id=str(one.user_id), movie_id=5)
    tell(redis_streams, "interactions.events", out, out)
    long_ago = datetime.now(UTC) - timedelta(days=2)
    old = [followed(one, "f1"), followed(one, "f2")]
    tell(redis_streams, "users.events", *old, occurred_at=long_ago)
    tell(redis_streams, "users.events", followed(one, "f3"))
    told = [(await heard.next())[1] for _ in range(2)]
    assert {facts.get("movie_id") or facts["follower_id"] for facts in told} == {5, "f3"}


async def test_who_comes_while_the_process_stops_is_not_kept(gateway):
    here = gateway()
    early = await here.listen(somebody()).begins()
    here.live.close()
    assert here.live.full
    assert await here.listen(somebody()).ends()
    assert await early.ends()


async def test_every_kind_of_fact_has_its_words(gateway, redis_streams):
    one, here = somebody(), gateway()
    heard, me = await here.listen(one).begins(), str(one.user_id)
    expected = [
        ("interactions.events", interactions.FavoriteAdded(user_id=me), "interaction"),
        ("interactions.events", interactions.MovieHidden(user_id=me), "interaction"),
        ("interactions.events", interactions.RatingsImported(ratings=[rated(one)]), "import"),
        ("interactions.events", interactions.ImportFinished(user_id=me, sequence=9), "import"),
        ("users.events", users.PreferencesChanged(user_id=me), "preferences"),
    ]
    for stream, message, cause in expected:
        tell(redis_streams, stream, message)
        event, facts = await heard.next()
        assert (event, facts["cause"]) == ("recommendations_changed", cause)
    assert here.imported == {one.user_id: 9}
    out = interactions.WatchlistMovieReleased(
        user_id=me, movie_id=5, title="Heat", release_date="2026-01-02"
    )
    tell(redis_streams, "interactions.events", out)
    event, facts = await heard.next()
    assert event == "notification"
    assert (facts["kind"], facts["movie_id"], facts["title"]) == ("movie_released", 5, "Heat")


async def test_who_comes_back_elsewhere_is_told_what_was_missed_once(gateway, redis_streams):
    one, here = somebody(), gateway()
    heard = await here.listen(one).begins()
    tell(redis_streams, "users.events", followed(one, "f1"))
    await heard.next()
    await heard.leave()

    missed = [followed(one, "f2"), followed(one, "f3"), followed(somebody(), "f4")]
    tell(redis_streams, "users.events", *missed)
    tell(redis_streams, "interactions.events", rated(one), rated(one, 2))
    there = gateway()
    again = there.listen(one, heard.last_event_id)
    told = sorted([await again.next(), await again.next(), await again.next()], key=str)
    assert [facts.get("follower_id") for _event, facts in told] == ["f2", "f3", None]
    assert told[2][1]["cause"] == "interaction"
    later = there.listen(one, again.last_event_id)
    tell(redis_streams, "users.events", followed(one, "f5"))
    assert (await later.next())[1]["follower_id"] == "f5"


@pytest.mark.parametrize("last", ["0-0_0-0_0-0", "nonsense", "1-1", "9" * 200])
async def test_who_was_away_for_too_long_is_told_that_all_may_have_changed(
    gateway, redis_streams, last
):
    tell(redis_streams, "users.events", followed(somebody(), "f1"))
    heard = gateway().listen(somebody(), last)
    event, facts = await heard.next()
    assert (event, facts["cause"]) == ("recommendations_changed", "resumed")


async def test_a_burst_is_told_once(gateway, redis_streams):
    one, here = somebody(), gateway()
    heard = await here.listen(one).begins()
    tell(redis_streams, "interactions.events", *[rated(one, number) for number in range(200)])
    tell(redis_streams, "users.events", followed(one, "last"))
    events = [await heard.next()]
    while events[-1][0] != "notification":
        events.append(await heard.next())
    assert len(events) < 20


async def test_a_stream_ends_with_its_token_and_with_its_session(gateway):
    one, other, here = somebody(), somebody(), gateway()
    mine = await here.listen(one, until=here.now + 60).begins()
    others = await here.listen(other, until=here.now + 120).begins()
    here.now += 61
    here.live.tick(beat=False)
    assert await mine.ends()
    here.ended.add(other)
    here.live.tick(beat=False)
    assert await others.ends()


async def test_silence_is_broken_by_heartbeats(gateway):
    here = gateway()
    heard = await here.listen(somebody()).begins()
    here.live.tick(beat=True)
    await heard.begins()


async def test_nobody_holds_more_than_ten_streams(gateway):
    one, here = somebody(), gateway()
    first = await here.listen(one).begins()
    others = [await here.listen(one).begins() for _number in range(10)]
    assert await first.ends()
    assert not here.live.full
    assert len(others) == 10


async def test_nobody_holds_more_than_ten_streams_that_come_all_at_once(gateway, redis_streams):
    one, here = somebody(), gateway()
    begun = await asyncio.gather(*(here.listen(one).begins() for _number in range(40)))
    ended = await asyncio.gather(*(older.ends() for older in begun[:-10]))
    assert all(ended)
    tell(redis_streams, "interactions.events", rated(one))
    assert [(await newer.next())[0] for newer in begun[-10:]] == ["recommendations_changed"] * 10


async def test_a_process_that_stops_ends_its_streams(gateway):
    here = gateway()
    heard = await here.listen(somebody()).begins()
    here.live.close()
    assert await heard.ends()


async def test_what_cannot_be_read_is_passed_over(gateway, redis_streams):
    one, here = somebody(), gateway()
    heard = await here.listen(one).begins()
    broken = Fact(interactions.MovieRated.DESCRIPTOR.full_name, "a", 1, b"\xff")
    append(redis_streams, "interactions.events", [broken])
    tell(redis_streams, "interactions.events", rated(one))
    assert (await heard.next())[0] == "recommendations_changed"


async def test_what_one_event_breaks_while_a_process_begins_costs_it_alone(gateway, redis_streams):
    broken, one = somebody(), somebody()
    for who in (broken, one):
        told = interactions.RatingsImported(ratings=[rated(who)])
        tell(redis_streams, "interactions.events", told)
    here = gateway()
    here.misheard.add(broken.user_id)
    await here.listen(one).begins()
    assert here.imported == {one.user_id: 7}
