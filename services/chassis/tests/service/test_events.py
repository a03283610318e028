"""Each event has its effect once, whoever dies, flushes or chokes on it."""

import threading
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from chassis import outbox, telemetry
from chassis.errors import Unavailable
from chassis.events import Consumer, Fact, Subscription, Tail, append, stream_key
from chassis.events.streams import replies, trim
from chassis.testing import eventually

STREAM = "test.events"
KEY = stream_key(STREAM)
TYPE = "marquee.test.v1.Happened"


def fact(name, kind=TYPE, payload=b""):
    return Fact(kind, str(name), 1, payload)


@pytest.fixture
def database(database_for):
    """A database with a table in which every effect is counted."""
    made = database_for("chassis")
    with made.begin() as connection:
        connection.execute(sa.text("create table effect (id text primary key, n int not null)"))
    return made


def count(connection, event):
    connection.execute(
        sa.text("insert into effect values (:id, 1) on conflict (id) do update set n = effect.n+1"),
        {"id": event.aggregate_id},
    )


def effects(database):
    with database.read() as connection:
        return dict(connection.execute(sa.text("select id, n from effect")).all())


def dead_letters(database):
    with database.read() as connection:
        return connection.execute(sa.text("select * from dead_letter")).mappings().all()


def inbox(database):
    with database.read() as connection:
        return connection.execute(sa.text("select * from inbox")).all()


def consumer(
    database, redis, handler: Any = count, *, batch=None, told=None, instance="one", **more: Any
):
    options: Any = {"claim_idle_seconds": 1, "retry_seconds": 0.01, **more}
    return Consumer(
        name="counter",
        database=database,
        redis=redis,
        subscriptions=[Subscription(STREAM, {TYPE: handler}, batch, **(told or {}))],
        instance=instance,
        **options,
    )


def pending(redis):
    return redis.xpending(KEY, "counter")["pending"]


def test_events_of_listed_types_are_handled_and_others_acknowledged(
    database, redis_streams, background
):
    append(redis_streams, STREAM, [fact("a"), fact("b", kind="marquee.test.v1.Else"), fact("c")])
    with background(consumer(database, redis_streams).run):
        eventually(lambda: effects(database) == {"a": 1, "c": 1})
        eventually(lambda: pending(redis_streams) == 0)


def test_an_event_that_comes_twice_has_its_effect_once(database, redis_streams, background):
    told = fact("a")
    append(redis_streams, STREAM, [told, told, fact("b")])
    with background(consumer(database, redis_streams).run):
        eventually(lambda: "b" in effects(database))
        append(redis_streams, STREAM, [told, fact("c")])
        eventually(lambda: "c" in effects(database))
    assert effects(database) == {"a": 1, "b": 1, "c": 1}


def test_a_batch_handler_gets_new_events_of_listed_types_together(
    database, redis_streams, background
):
    batches = []

    def keep(connection, events):
        batches.append([event.aggregate_id for event in events])

    append(redis_streams, STREAM, [fact("a"), fact("b"), fact("x", kind="Else"), fact("c")])
    with background(consumer(database, redis_streams, batch=keep).run):
        eventually(lambda: batches)
    assert batches == [["a", "b", "c"]]


def test_a_poison_message_is_buried_after_five_tries_and_blocks_nobody(
    database, redis_streams, background
):
    tries = []

    def choke(connection, event):
        if event.aggregate_id == "poison":
            tries.append(event)
            raise ValueError("cannot swallow this")
        count(connection, event)

    append(redis_streams, STREAM, [fact("a"), fact("poison", payload=b"\x00bad"), fact("b")])
    with background(consumer(database, redis_streams, choke).run):
        eventually(lambda: effects(database) == {"a": 1, "b": 1})
        [letter] = eventually(lambda: dead_letters(database))
        eventually(lambda: pending(redis_streams) == 0)
    assert len(tries) == 5 + 1  # once more in the batch it came with
    assert letter["attempts"] == 5
    assert bytes(letter["payload"]) == b"\x00bad"
    assert "cannot swallow this" in letter["error"]


def test_what_no_row_could_hold_is_buried_without_it(database, redis_streams, background):
    """PostgreSQL keeps no text with a zero in it."""
    tries = []

    def choke(_connection, event):
        tries.append(event)
        raise ValueError("no \0 good")

    told = Fact(TYPE, "thing\0", 1, b"\0", actor="some\0one")
    append(redis_streams, STREAM, [told])
    with background(consumer(database, redis_streams, choke).run):
        [letter] = eventually(lambda: dead_letters(database))
        eventually(lambda: pending(redis_streams) == 0)
    assert len(tries) == 5
    assert (letter["aggregate_id"], letter["actor"]) == ("thing", "someone")
    assert bytes(letter["payload"]) == b"\0"
    assert "no  good" in letter["error"]


def test_an_event_that_could_not_be_buried_is_not_counted_anew(database, redis_streams, background):
    tries, failures = [], [ValueError("who was erased cannot be told")]

    def choke(_connection, event):
        tries.append(event)
        raise ValueError("cannot swallow this")

    def erased(_connection, _ids):
        if failures:
            raise failures.pop()
        return ()

    append(redis_streams, STREAM, [fact("a")])
    with background(consumer(database, redis_streams, choke, erased=erased).run):
        [letter] = eventually(lambda: dead_letters(database))
        eventually(lambda: pending(redis_streams) == 0)
    assert len(tries) == 5 + 1
    assert letter["attempts"] == 5


def test_an_event_that_cannot_even_be_buried_blocks_nobody(database, redis_streams, background):
    tries = []

    def choke(connection, event):
        if event.aggregate_id == "poison":
            tries.append(event)
            raise ValueError("cannot swallow this")
        count(connection, event)

    def erased(_connection, _ids):
        raise ValueError("who was erased cannot be told")

    append(redis_streams, STREAM, [fact("poison")])
    with background(consumer(database, redis_streams, choke, erased=erased).run):
        eventually(lambda: len(tries) > 5)
        append(redis_streams, STREAM, [fact("b")])
        eventually(lambda: effects(database) == {"b": 1})
    assert pending(redis_streams) == 1


def test_what_was_delivered_too_often_is_buried_wherever_others_hold_much(
    database, redis_streams, background
):
    append(redis_streams, STREAM, [fact(number) for number in range(400)])
    redis_streams.xgroup_create(KEY, "counter", id="0")
    ((_key, entries),) = replies(redis_streams.xreadgroup("counter", "busy", {KEY: ">"}))
    deadly = [entries[0][0], entries[-1][0]]
    redis_streams.xclaim(KEY, "counter", "dead", 0, deadly, idle=600_000, retrycount=30)
    with background(consumer(database, redis_streams, claim_idle_seconds=300).run):
        eventually(lambda: len(dead_letters(database)) == 2)
        eventually(lambda: pending(redis_streams) == 398)
    assert {letter["aggregate_id"] for letter in dead_letters(database)} == {"0", "399"}
    assert effects(database) == {}


def halves(event):
    middle = len(event.payload) // 2
    return [
        replace(
            event,
            event_id=uuid.uuid5(event.event_id, str(place)),
            aggregate_id=some.decode(),
            payload=some,
        )
        for place, some in enumerate((event.payload[:middle], event.payload[middle:]))
        if middle
    ]


def test_of_a_poison_message_that_can_be_divided_the_poison_alone_is_buried(
    database, redis_streams, background
):
    def count_letters(connection, event):
        if b"!" in event.payload:
            raise ValueError("cannot swallow this")
        for letter in event.payload.decode():
            count(connection, replace(event, aggregate_id=letter))

    append(redis_streams, STREAM, [fact("whole", payload=b"abcd!fg"), fact("good", payload=b"h")])
    told = {"divided": halves}
    with background(consumer(database, redis_streams, count_letters, told=told).run):
        [letter] = eventually(lambda: dead_letters(database))
        eventually(lambda: pending(redis_streams) == 0)
        append(redis_streams, STREAM, [fact("again", payload=b"abcd!fg")])
        eventually(lambda: len(dead_letters(database)) == 2)
    assert bytes(letter["payload"]) == b"!"
    assert effects(database) == dict.fromkeys("abcdfg", 2) | {"h": 1}


def test_a_divided_event_that_comes_twice_has_its_effects_once(database, redis_streams, background):
    def count_good(connection, event):
        if b"!" in event.payload:
            raise ValueError("cannot swallow this")
        count(connection, event)

    same = fact("whole", payload=b"a!")
    with background(consumer(database, redis_streams, count_good, told={"divided": halves}).run):
        for _ in range(2):
            append(redis_streams, STREAM, [same])
            eventually(lambda: dead_letters(database))
            eventually(lambda: pending(redis_streams) == 0)
    assert effects(database) == {"a": 1}
    assert len(dead_letters(database)) == 1


def test_a_consumer_stopped_while_it_divides_leaves_the_rest_to_another(
    database, redis_streams, background
):
    stop = threading.Event()

    def count_good(connection, event):
        if b"!" in event.payload:
            raise ValueError("cannot swallow this")
        count(connection, event)
        if event.payload == b"b":
            stop.set()

    append(redis_streams, STREAM, [fact("whole", payload=b"aab!")])
    told = {"divided": halves}
    consumer(database, redis_streams, count_good, told=told).run(stop)
    assert effects(database) == {"aa": 1, "b": 1}
    other = consumer(database, redis_streams, count_good, told=told, instance="two")
    with background(other.run):
        [letter] = eventually(lambda: dead_letters(database))
        eventually(lambda: pending(redis_streams) == 0)
    assert bytes(letter["payload"]) == b"!"
    assert effects(database) == {"aa": 1, "b": 1}


def test_an_event_that_fails_once_is_tried_again(database, redis_streams, background):
    failures = [ValueError("first"), ValueError("second")]

    def stumble(connection, event):
        if failures:
            raise failures.pop()
        count(connection, event)

    append(redis_streams, STREAM, [fact("a")])
    with background(consumer(database, redis_streams, stumble).run):
        eventually(lambda: effects(database) == {"a": 1})
    assert dead_letters(database) == []


def test_no_letter_is_kept_of_somebody_erased(database, redis_streams, background):
    """Buried after the erasure was acknowledged, it would stay for good."""
    erased, other = uuid.uuid4(), uuid.uuid4()

    def never(_connection, _event):
        raise ValueError("cannot read this")

    append(redis_streams, STREAM, [fact(f"{who}:7:rating") for who in (erased, other)])
    append(redis_streams, STREAM, [fact("a", payload=b"\x0a$" + str(erased).encode())])
    redis_streams.xadd(KEY, {"nonsense": str(erased)})
    handling = consumer(
        database, redis_streams, never, erased=lambda _connection, ids: ids & {erased}
    )
    with background(handling.run):
        eventually(lambda: len(inbox(database)) == 4)
        eventually(lambda: pending(redis_streams) == 0)
    assert [letter["aggregate_id"] for letter in dead_letters(database)] == [f"{other}:7:rating"]


def test_an_entry_that_is_no_event_is_buried(database, redis_streams, background):
    redis_streams.xadd(KEY, {"nonsense": "yes"})
    append(redis_streams, STREAM, [fact("a")])
    with background(consumer(database, redis_streams).run):
        [letter] = eventually(lambda: dead_letters(database))
        eventually(lambda: effects(database) == {"a": 1})
        eventually(lambda: pending(redis_streams) == 0)
    assert b"nonsense" in bytes(letter["payload"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"aggregate_version": 2**63},
        {"schema_version": 2**31},
        {"occurred_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is wrong with it
    ],
    ids=["version", "schema version", "time without a zone"],
)
def test_what_no_outbox_could_have_held_is_no_event(database, redis_streams, background, wrong):
    append(redis_streams, STREAM, [replace(fact("a"), **wrong), fact("b")])
    with background(consumer(database, redis_streams).run):
        [letter] = eventually(lambda: dead_letters(database))
        eventually(lambda: pending(redis_streams) == 0 and effects(database))
    assert effects(database) == {"b": 1}
    assert letter["error"].startswith("not an event")
    assert str(next(iter(wrong.values()))).split()[0].encode() in bytes(letter["payload"])


def test_a_neighbour_that_is_down_is_waited_for_and_not_held_against_the_event(
    database, redis_streams, background
):
    down, tries = threading.Event(), []
    down.set()

    def ask(connection, event):
        tries.append(event)
        if down.is_set():
            raise Unavailable("users is down")
        count(connection, event)

    append(redis_streams, STREAM, [fact("a"), fact("b")])
    with background(consumer(database, redis_streams, ask).run):
        eventually(lambda: len(tries) >= 4)
        assert pending(redis_streams) == 2
        down.clear()
        eventually(lambda: effects(database) == {"a": 1, "b": 1}, within=20)
    assert dead_letters(database) == []


def test_a_handler_runs_in_the_trace_of_the_writer(database, redis_streams, background):
    traceparent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    seen = []
    with telemetry.span("write", parent=traceparent):
        append(redis_streams, STREAM, [fact("a")])
    handler = consumer(database, redis_streams, lambda *_: seen.append(telemetry.traceparent()))
    with background(handler.run):
        eventually(lambda: seen == [traceparent])


def test_consumers_killed_in_the_middle_lose_and_double_nothing(
    database, database_url_for, redis_streams, redis_streams_url, start_program
):
    count_of = 6000
    for start in range(0, count_of, 500):
        append(redis_streams, STREAM, [fact(number) for number in range(start, start + 500)])
    program = ("consumer", database_url_for("chassis"), redis_streams_url)
    for turn, reached in enumerate((200, 1500, 3500)):
        process = start_program(*program, f"killed-{turn}")
        eventually(lambda reached=reached: len(effects(database)) >= reached, within=60)
        process.kill()
        process.wait()
    for turn in range(2):
        start_program(*program, f"last-{turn}")
    eventually(lambda: len(effects(database)) == count_of, within=60)
    eventually(lambda: pending(redis_streams) == 0, within=30)
    assert set(effects(database).values()) == {1}


def test_a_flush_in_the_middle_loses_and_doubles_nothing(database, redis_streams, background):
    relay = outbox.Relay(database, redis_streams)
    with background(relay.run, consumer(database, redis_streams).run):
        for turn in range(10):
            with database.begin() as connection:
                outbox.publish(
                    connection, STREAM, [fact(f"{turn}-{number}") for number in range(100)]
                )
            if turn in (3, 7):
                eventually(lambda turn=turn: len(effects(database)) > turn * 50)
                redis_streams.flushdb()
        eventually(lambda: len(effects(database)) == 1000, within=30)
    assert set(effects(database).values()) == {1}


def test_a_redis_killed_in_the_middle_loses_and_doubles_nothing(
    database, own_valkey, own_redis, background
):
    relay = outbox.Relay(database, own_redis)
    with background(relay.run, consumer(database, own_redis).run):
        for turn in range(3):
            with database.begin() as connection:
                outbox.publish(
                    connection, STREAM, [fact(f"{turn}-{number}") for number in range(200)]
                )
            eventually(lambda turn=turn: len(effects(database)) > turn * 100, within=30)
            own_valkey.kill()
            own_valkey.start()
        eventually(lambda: len(effects(database)) == 600, within=30)
    assert set(effects(database).values()) == {1}


def test_only_what_every_group_has_done_with_is_trimmed(redis_streams):
    def old(number):
        redis_streams.xadd(KEY, {"n": number}, id=f"{number}-1")

    for number in range(1, 1001):
        old(number)
    redis_streams.xgroup_create(KEY, "slow", id="300-1")
    redis_streams.xgroup_create(KEY, "quick", id="1000-1")
    trim(redis_streams, STREAM)
    ids = {int(entry[0].split(b"-")[0]) for entry in redis_streams.xrange(KEY)}
    assert ids.issuperset(range(301, 1001))
    assert len(ids) < 1000


def test_an_entry_that_somebody_still_holds_is_not_trimmed(redis_streams):
    for number in range(1, 1001):
        redis_streams.xadd(KEY, {"n": number}, id=f"{number}-1")
    redis_streams.xgroup_create(KEY, "slow", id="0")
    redis_streams.xreadgroup("slow", "someone", {KEY: ">"}, count=1000)
    redis_streams.xack(KEY, "slow", *[f"{number}-1" for number in range(1, 1001) if number != 200])
    trim(redis_streams, STREAM)
    assert redis_streams.xrange(KEY, "200-1", "200-1")


def test_what_nobody_is_to_keep_goes_to_the_last_entry_that_all_have_done_with(redis_streams):
    append(redis_streams, STREAM, [fact(str(number)) for number in range(10)])
    ids = [entry_id for entry_id, _ in redis_streams.xrange(KEY)]
    redis_streams.xgroup_create(KEY, "quick", id=ids[-1])
    redis_streams.xgroup_create(KEY, "slow", id=ids[6])
    trim(redis_streams, STREAM, keep_seconds=0.0)
    assert [entry_id for entry_id, _ in redis_streams.xrange(KEY)] == ids[7:]
    redis_streams.xgroup_setid(KEY, "slow", ids[-1])
    trim(redis_streams, STREAM, keep_seconds=0.0)
    assert redis_streams.xlen(KEY) == 0
    append(redis_streams, STREAM, [fact("next")])
    assert redis_streams.xreadgroup("slow", "someone", {KEY: ">"})


def test_a_tail_hears_what_comes_after_it_began(redis_streams):
    append(redis_streams, STREAM, [fact("before")])
    tail = Tail(redis_streams, [STREAM])
    tail.begin()
    append(redis_streams, STREAM, [fact("after")])
    assert [event.aggregate_id for event in tail.read()] == ["after"]
    assert tail.read(block_ms=1) == []


def test_a_tail_can_begin_in_the_past(redis_streams):
    append(redis_streams, STREAM, [fact("before")])
    tail = Tail(redis_streams, [STREAM], since_seconds=60)
    assert [event.aggregate_id for event in tail.read()] == ["before"]
