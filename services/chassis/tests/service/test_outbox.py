"""What a transaction published arrives, whoever dies on the way."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from chassis import outbox, telemetry
from chassis.database import uuid7
from chassis.events import Event, Fact, inbox, stream_key
from chassis.events.entries import Entry
from chassis.jobs import enqueue, latest
from chassis.retention import tidy
from chassis.testing import eventually

STREAM = "test.events"
KEY = stream_key(STREAM)
TYPE = "marquee.test.v1.Happened"


def fact(number=0, **more):
    return Fact(TYPE, f"thing-{number}", number, b"payload", **more)


def published_ids(redis):
    return [entry[1][b"id"].decode() for entry in redis.xrange(KEY)]


def publish(database, count, start=0):
    facts = [fact(number) for number in range(start, start + count)]
    with database.begin() as connection:
        outbox.publish(connection, STREAM, facts)
    return [str(one.event_id) for one in facts]


def unpublished(database):
    with database.read() as connection:
        waiting = sa.text("select count(*) from outbox where published_at is null")
        return connection.execute(waiting).scalar()


def test_a_fact_reaches_the_stream_with_all_it_carries(database_for, redis_streams):
    database = database_for("chassis")
    told = fact(7, actor="someone", occurred_at=datetime(2020, 1, 2, tzinfo=UTC), schema_version=3)
    with database.begin() as connection:
        outbox.publish(connection, STREAM, [told])
    assert outbox.Relay(database, redis_streams).publish_waiting() == 1
    [(_, fields)] = redis_streams.xrange(KEY)
    assert fields == {
        b"id": str(told.event_id).encode(),
        b"type": TYPE.encode(),
        b"schema_version": b"3",
        b"aggregate_id": b"thing-7",
        b"aggregate_version": b"7",
        b"actor": b"someone",
        b"occurred_at": b"2020-01-02T00:00:00+00:00",
        b"traceparent": b"",
        b"payload": b"payload",
    }


def test_a_fact_of_a_rolled_back_transaction_is_never_told(database_for, redis_streams):
    database = database_for("chassis")

    def publish_and_fail():
        with database.begin() as connection:
            outbox.publish(connection, STREAM, [fact()])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        publish_and_fail()
    assert outbox.Relay(database, redis_streams).publish_waiting() == 0
    assert not redis_streams.exists(KEY)


def test_a_fact_carries_the_trace_of_its_writer(database_for, redis_streams):
    database = database_for("chassis")
    traceparent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    with telemetry.span("write", parent=traceparent), database.begin() as connection:
        outbox.publish(connection, STREAM, [fact()])
    outbox.Relay(database, redis_streams).publish_waiting()
    [(_, fields)] = redis_streams.xrange(KEY)
    assert fields[b"traceparent"].decode() == traceparent


def test_a_row_made_by_hand_in_one_statement_is_published_too(database_for, redis_streams):
    database = database_for("chassis")
    values = outbox.outbox_values(STREAM, fact())
    columns = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    with database.begin() as connection:
        connection.execute(sa.text(f"insert into outbox ({columns}) values ({places})"), values)
    assert outbox.Relay(database, redis_streams).publish_waiting() == 1


def test_several_relays_at_once_publish_each_fact_once(database_for, redis_streams, background):
    database = database_for("chassis")
    relays = [outbox.Relay(database, redis_streams) for _ in range(4)]
    relays[0].publish_waiting()  # the first sight of a Redis is a replay of nothing
    with background(*(relay.run for relay in relays)):
        ids = [one for turn in range(20) for one in publish(database, 50, turn * 50)]
        eventually(lambda: unpublished(database) == 0)
    assert sorted(published_ids(redis_streams)) == sorted(ids)


def test_relays_killed_in_the_middle_lose_nothing(
    database_for, database_url_for, redis_streams, redis_streams_url, start_program
):
    database = database_for("chassis")
    ids = [one for turn in range(20) for one in publish(database, 500, turn * 500)]
    program = ("relay", database_url_for("chassis"), redis_streams_url)
    for reached in (1000, 4000, 8000):
        relay = start_program(*program)
        eventually(lambda reached=reached: redis_streams.xlen(KEY) >= reached, within=60)
        relay.kill()
    start_program(*program)
    eventually(lambda: unpublished(database) == 0, within=60)
    assert set(published_ids(redis_streams)) == set(ids)


def test_a_flushed_redis_is_filled_again(database_for, redis_streams, background):
    database = database_for("chassis")
    with background(outbox.Relay(database, redis_streams).run):
        ids = publish(database, 1200)
        eventually(lambda: unpublished(database) == 0)
        redis_streams.flushdb()
        ids += publish(database, 10, 1200)
        eventually(lambda: set(published_ids(redis_streams)) == set(ids), within=20)


def test_a_redis_that_lost_the_end_of_its_file_is_told_the_last_minute_again(
    database_for, own_valkey, own_redis, background
):
    database = database_for("chassis")
    with background(outbox.Relay(database, own_redis).run):
        ids = publish(database, 10)
        eventually(lambda: unpublished(database) == 0)
        with database.begin() as connection:
            aged = "update outbox set published_at = now() - interval '1 day' where event_id = :id"
            connection.execute(sa.text(aged), {"id": ids[0]})
        own_redis.delete(KEY)
        own_valkey.stop()
        own_valkey.start()
        eventually(lambda: set(published_ids(own_redis)) == set(ids[1:]), within=20)


def test_writers_do_not_notice_that_redis_is_down(database_for, own_valkey, own_redis, background):
    database = database_for("chassis")
    own_valkey.kill()
    with background(outbox.Relay(database, own_redis).run):
        ids = publish(database, 10)
        own_valkey.start()
        eventually(lambda: set(published_ids(own_redis)) == set(ids), within=30)


def test_a_replay_by_hand_repeats_what_was_published_since(database_for, redis_streams, background):
    database = database_for("chassis")
    ids = publish(database, 300)
    with background(outbox.Relay(database, redis_streams).run):
        eventually(lambda: len(published_ids(redis_streams)) == len(ids))
        with database.begin() as connection:
            outbox.replay(connection, datetime.now(UTC) - timedelta(hours=1))
        eventually(lambda: len(published_ids(redis_streams)) == 2 * len(ids))
    assert set(published_ids(redis_streams)) == set(ids)


def test_a_dead_letter_is_kept_for_thirty_days(database_for):
    database, now = database_for("chassis"), datetime.now(UTC)
    events = [Event(uuid7(), TYPE, "thing", 1, "", now, 1, b"payload") for _ in range(2)]
    aged = "update dead_letter set created_at = now() - interval '31 days' where event_id = :id"
    with database.begin() as connection:
        for event in events:
            inbox.bury(connection, "c", STREAM, Entry("1-1", event, ""), error="", attempts=5)
        connection.execute(sa.text(aged), {"id": events[0].event_id})
    tidy(database)
    with database.read() as connection:
        left = connection.execute(sa.text("select event_id from dead_letter")).scalars().all()
    assert left == [events[1].event_id]


def test_what_was_published_a_week_ago_is_forgotten(database_for):
    database = database_for("chassis")
    ids = publish(database, 3)
    with database.begin() as connection:
        aged = "update outbox set published_at = now() - interval '8 days' where event_id = :id"
        connection.execute(sa.text(aged), {"id": ids[0]})
    tidy(database)
    with database.read() as connection:
        left = connection.execute(sa.text("select event_id from outbox")).scalars().all()
    assert set(left) == {uuid.UUID(one) for one in ids[1:]}


def test_jobs_of_a_month_ago_are_forgotten_unless_they_are_still_to_be_done(database_for):
    database = database_for("chassis")
    aged = "update job set state = :state, created_at = now() - interval '31 days' where key = :key"
    states = ("done", "failed", "queued", "running")
    with database.begin() as connection:
        enqueue(connection, "greet", key="new")
        for state in states:
            enqueue(connection, "greet", key=state)
            connection.execute(sa.text(aged), {"state": state, "key": state})
    tidy(database)
    with database.read() as connection:
        assert {job.key for job in latest(connection, "greet")} == {"new", "queued", "running"}
