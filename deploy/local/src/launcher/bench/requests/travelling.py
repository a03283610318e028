"""Events: how long after the answer to a write they reach consumers, and what batches save."""

import time
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

import redis

from chassis.database import Database, connect
from chassis.events import Fact, stream_key
from chassis.outbox import POLL_SECONDS, Relay, publish
from launcher.bench.http import Connection, request
from launcher.bench.requests.standing import Standing
from launcher.bench.rows import Row, at_least, at_most
from launcher.bench.world import World, world
from launcher.settings import Failure, LocalSettings
from marquee.interactions.v1 import events_pb2

PART = "requests"
_STREAM = "interactions.events"
_RATED = events_pb2.MovieRated.DESCRIPTOR.full_name.encode()
_WRITES = 300
_TIMES_THE_POLL, _TIMES_A_SINGLE = 3, 12
_BATCH, _ROUNDS = 100, 20
_PATIENCE_MILLISECONDS = 10_000


def travel_rows(suite: Standing) -> Iterator[Row]:
    """From the answer to a rating until whoever listens to the stream has it."""
    _, token = suite.register()
    seconds = list(_travels(suite, token))
    worst = quantiles(seconds, n=100)[-1] / POLL_SECONDS
    what = "outbox to consumer, p99 by the relay's poll interval"
    yield at_most(PART, what, worst, _TIMES_THE_POLL, "x")


def batch_rows(settings: LocalSettings) -> Iterator[Row]:
    """A relay alone with an outbox: a hundred rows at once against one at a time."""
    with world(settings, size=1) as here:
        here.run("analytics", "migrate")
        each = _published(here, _BATCH) / _BATCH
        ratio = _published(here, 1) / each
        what = f"events a second in batches of {_BATCH} by one at a time"
        yield at_least(PART, what, ratio, _TIMES_A_SINGLE, "x")


def _travels(suite: Standing, token: str) -> Iterator[float]:
    url = suite.world.environment("interactions")["REDIS_STREAMS_URL"]
    with redis.Redis.from_url(url) as streams, Connection(suite.port) as client:
        place = streams.xinfo_stream(stream_key(_STREAM))["last-generated-id"]
        for movie_id in suite.movie_ids[:_WRITES]:
            path = f"/api/v1/me/ratings/{movie_id}"
            client.ask(request("PUT", path, token, document={"rating": 4})).json()
            answered = time.monotonic()
            place = _next_rating(streams, place)
            yield time.monotonic() - answered


def _next_rating(streams: redis.Redis, place: Any) -> Any:
    """Wait for the next rating in the stream; answers its place there."""
    while True:
        found: Any = streams.xread({stream_key(_STREAM): place}, block=_PATIENCE_MILLISECONDS)
        if not found:
            raise Failure("a rating was accepted but never told of")
        for entry_id, fields in found[0][1]:
            place = entry_id
            if fields[b"type"] == _RATED:
                return place


def _published(here: World, count: int) -> float:
    """Seconds for so many rows of the outbox to be published, the shortest of some rounds."""
    environment = here.environment("analytics")
    database = connect(environment["DATABASE_URL"], application_name="bench")
    try:
        with redis.Redis.from_url(environment["REDIS_STREAMS_URL"]) as streams:
            relay = Relay(database, streams)
            return min(_round(database, relay, count) for _ in range(_ROUNDS))
    finally:
        database.engine.dispose()


def _round(database: Database, relay: Relay, count: int) -> float:
    facts = [Fact("bench.Told", f"bench:{number}", 1, b"payload") for number in range(count)]
    with database.begin() as connection:
        publish(connection, "bench.events", facts)
    began = time.monotonic()
    if relay.publish_waiting() != count:
        raise Failure("the relay did not publish what waited")
    return time.monotonic() - began
