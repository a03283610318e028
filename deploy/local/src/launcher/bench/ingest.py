"""The part `ingest`: activity from its stream into tables and sums, against an insert a row."""

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg2
import redis
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.engine import make_url

from chassis.clients import channel
from chassis.database import uuid7
from chassis.events import Fact, append, stream_key
from launcher.bench.rows import Row, at_most
from launcher.bench.spending import cpu_seconds
from launcher.bench.world import World, world
from launcher.settings import Failure, LocalSettings
from marquee.gateway.v1 import events_pb2 as events
from marquee.users.v1 import users_pb2, users_pb2_grpc

PART = "ingest"
STREAM, GROUP = "gateway.activity", "analytics"
AT_ONCE = 500  # what a gateway sends together
PEOPLE = 500
SINGLE_ROWS = 5_000
GOAL = 1 / 15
_PATIENCE_SECONDS = 600.0
_TYPES = ("view_movie", "search", "view_recommendations")

_SUMS = """
    select (select count(*) from user_activity), (select count(*) from activity_actor),
           (select sum(count) from activity_rollup), (select sum(users_count) from activity_rollup),
           (select max(xmin::text::bigint) from activity_rollup)
"""
_INSERT = """
    insert into user_activity (received_at, activity_id, user_id, activity_type, movie_id, metadata,
        address, agent, occurred_at)
    values (now(), %(activity_id)s, %(user_id)s, %(activity_type)s, %(movie_id)s,
        '{"source": "bench"}', '192.0.2.0/24', 'Bench/1.0', now())
"""

# What the ingest does for each row beside asking for consent, as it is done a row at a time.
_COUNTED = """
    with seen as (
        insert into activity_seen (event_key) values (%(activity_id)s)
        on conflict do nothing returning 1
    ), buckets as (
        select unnest(array['hour', 'day']) as granularity,
            unnest(array[date_trunc('hour', now(), 'UTC'), date_trunc('day', now(), 'UTC')])
                as bucket
    ), actors as (
        insert into activity_actor (granularity, bucket, activity_type, actor)
        select granularity, bucket, %(activity_type)s, %(user_id)s from buckets
        on conflict do nothing returning granularity
    ), sums as (
        insert into activity_rollup as rollup
            (granularity, bucket, activity_type, count, users_count)
        select granularity, bucket, %(activity_type)s, 1, count(actors.granularity)
        from buckets left join actors using (granularity) group by granularity, bucket
        on conflict (granularity, bucket, activity_type) do update
            set count = rollup.count + excluded.count,
                users_count = rollup.users_count + excluded.users_count, updated_at = now()
    )
"""


def measure(settings: LocalSettings, arguments: Sequence[str]) -> Iterator[Row]:
    """Ingest, replay, and then insert row by row."""
    parser = argparse.ArgumentParser(prog="./marquee bench ingest")
    parser.add_argument("--rows", type=int, default=100_000, help="activities; 100,000 without")
    asked = parser.parse_args(arguments)
    with world(settings, size=1) as here:
        for service in ("users", "analytics"):
            here.run(service, "migrate")
        here.start("users.serve")
        here.start("analytics.background")
        yield from _rows(here, asked.rows)


def _rows(here: World, count: int) -> Iterator[Row]:
    facts = _facts(_people(here), count)
    began, before = time.monotonic(), _spent(here)
    _ingest(here, facts)
    seconds = time.monotonic() - began
    spent = {name: (total - before[name]) / count for name, total in _spent(here).items()}
    each = sum(spent.values())
    sums = here.query("analytics", _SUMS)
    if sums[0] != count:
        raise Failure(f"{sums[0]} of {count} activities are stored")
    yield Row(PART, f"{count:,} activities stored and counted", f"{seconds:.1f} s")
    parts = ", ".join(f"{name} {seconds * 1e6:.1f}" for name, seconds in spent.items())
    yield Row(PART, "CPU a row: consent, storing, sums", f"{each * 1e6:.1f} us", parts)

    _ingest(here, facts)
    again = here.query("analytics", _SUMS)
    different = sum(one != other for one, other in zip(sums, again, strict=True))
    yield at_most(PART, "figures that the same stream again changes", different, 0, "")

    for what, statement in (
        ("bare", _INSERT),
        ("with repetition refused and sums", _COUNTED + _INSERT),
    ):
        single = _single_inserts(here, statement)
        yield Row(PART, f"CPU of a row's insert, {what}", f"{single * 1e6:.1f} us")
        yield at_most(PART, "CPU a row by that", each / single, GOAL, "")


def _spent(here: World) -> dict[str, float]:
    """CPU seconds so far of all that works on a row."""
    return {
        "analytics.background": here.cpu_seconds("analytics.background"),
        "its connections": here.connection_seconds("analytics"),
        "users, asked for consent": here.request_seconds("users"),
    }


def _people(here: World) -> list[str]:
    environment = here.environment("analytics")
    users = [
        users_pb2.ImportedUser(username=f"bench-{number:03}", email=f"b{number}@bench.example")
        for number in range(PEOPLE)
    ]
    with channel(
        environment["USERS_ADDRESS"], internal_key=environment["INTERNAL_KEY"], service="bench"
    ) as opened:
        stub = users_pb2_grpc.UsersServiceStub(opened)
        reply = stub.BatchCreateUsers(users_pb2.BatchCreateUsersRequest(users=users), timeout=60)
    return list(reply.user_ids)


def _facts(user_ids: Sequence[str], count: int) -> list[Fact]:
    """Activities of many people, as a gateway gathers them."""
    now = Timestamp()
    now.FromDatetime(datetime.now(UTC))
    activities = [
        events.Activity(
            event_id=str(uuid7()),
            user_id=user_id,
            activity_type=_TYPES[number % len(_TYPES)],
            movie_id=number % 5_000 + 1,
            metadata_json=f'{{"query":"bench {number}","results_count":{number % 40}}}',
            address="192.0.2.0",
            agent="Bench/1.0",
            occurred_at=now,
        )
        for number, user_id in zip(range(count), itertools.cycle(user_ids), strict=False)
    ]
    pieces = (activities[start : start + AT_ONCE] for start in range(0, count, AT_ONCE))
    return [_fact(events.ActivityObserved(activities=piece)) for piece in pieces]


def _fact(message: Any) -> Fact:
    return Fact(message.DESCRIPTOR.full_name, "bench", 0, message.SerializeToString())


def _ingest(here: World, facts: Sequence[Fact]) -> None:
    """Put facts into the stream, and return when all have been handled."""
    with redis.Redis.from_url(here.environment("analytics")["REDIS_STREAMS_URL"]) as client:
        append(client, STREAM, facts)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _handled(client):
            if time.monotonic() > deadline:
                raise Failure("the activities were not handled in time")
            time.sleep(0.05)


def _handled(client: redis.Redis) -> bool:
    groups: Any = client.xinfo_groups(stream_key(STREAM))
    mine = next((one for one in groups if one["name"] == GROUP.encode()), None)
    return mine is not None and mine["lag"] == 0 and mine["pending"] == 0


def _single_inserts(here: World, statement: str) -> float:
    """CPU seconds of one row, here and in this connection's process, each committed by itself."""
    url = make_url(here.environment("analytics")["DATABASE_URL"]).set(drivername="postgresql")
    people = [str(uuid7()) for _ in range(PEOPLE)]
    rows = [
        {
            "activity_id": str(uuid7()),
            "user_id": user_id,
            "activity_type": _TYPES[number % len(_TYPES)],
            "movie_id": number,
        }
        for number, user_id in zip(range(SINGLE_ROWS), itertools.cycle(people), strict=False)
    ]
    connection = psycopg2.connect(url.render_as_string(hide_password=False))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            server, own = cpu_seconds([connection.info.backend_pid]), time.process_time()
            for row in rows:
                cursor.execute(statement, row)
            spent = cpu_seconds([connection.info.backend_pid]) - server + time.process_time() - own
    finally:
        connection.close()
    return spent / SINGLE_ROWS
