"""A person is forgotten by tables, streams and keys, however often it is tried or cut off."""

import threading
import uuid
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.message import DecodeError

from chassis.database import uuid7
from chassis.erasure import (
    Eraser,
    Tombstones,
    begin,
    forget_entries,
    forget_keys,
    forget_rows,
    unfinished_user,
)
from chassis.errors import Unavailable
from chassis.events import Fact, append, stream_key
from chassis.jobs import Worker, enqueue
from chassis.outbox import PUBLISH_LOCK, publish
from chassis.tables import dead_letter, idempotency, inbox, job, outbox

ADA, GRACE = uuid.uuid4(), uuid.uuid4()
TOMBSTONES = Tombstones("a key of at least thirty-two characters")
STREAM = "deeds.events"


@pytest.fixture
def database(database_for):
    return database_for("chassis")


def fact(payload, actor: Any = "", aggregate="a"):
    return Fact("deeds.v1.Done", aggregate, 1, payload, actor=str(actor))


def published(database, *facts):
    with database.begin() as connection:
        publish(connection, STREAM, facts)
        connection.execute(sa.update(outbox).values(published_at=sa.func.now()))


def count(database, table):
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def forget(database, user_id, rewriters=None):
    with database.begin() as connection:
        return forget_rows(connection, user_id, rewriters)


def test_messages_that_name_the_person_go_and_others_stay(database):
    published(
        database,
        fact(b"\x0a" + str(ADA).encode()),
        fact(b"", actor=ADA),
        fact(b"", aggregate=f"{ADA}:7:rating"),
        fact(b"\x0a" + str(GRACE).encode(), actor=GRACE, aggregate=str(GRACE)),
    )
    assert forget(database, ADA) == 3
    assert forget(database, ADA) == 0
    assert count(database, outbox) == 1


def test_a_message_about_several_is_rewritten_and_goes_when_nobody_is_left(database):
    published(
        database,
        fact(f"{ADA} {GRACE}".encode(), aggregate=f"{ADA}:batch"),
        fact(str(ADA).encode()),
    )

    def without(payload, user_id):
        left = [word for word in payload.decode().split() if word != str(user_id)]
        return " ".join(left).encode() or None

    forget(database, ADA, {"deeds.v1.Done": without})
    with database.read() as connection:
        (row,) = connection.execute(sa.select(outbox.c.payload, outbox.c.aggregate_id))
    assert bytes(row.payload) == str(GRACE).encode()
    assert row.aggregate_id == ":batch"


def test_a_message_that_nobody_has_heard_yet_is_waited_for(database):
    with database.begin() as connection:
        publish(connection, STREAM, [fact(b"", actor=ADA)])
    with pytest.raises(Unavailable):
        forget(database, ADA)
    assert count(database, outbox) == 1


def test_dead_letters_jobs_and_answers_go_too(database):
    letter = {
        "consumer": "c", "event_id": uuid7(), "stream": STREAM, "type": "t", "aggregate_id": "",
        "aggregate_version": 1, "occurred_at": sa.func.now(), "error": "e", "attempts": 5,
    }  # fmt: skip
    with database.begin() as connection:
        for user_id in (ADA, GRACE):
            named = {**letter, "payload": str(user_id).encode(), "event_id": uuid7()}
            connection.execute(sa.insert(dead_letter).values(named))
            enqueue(connection, "import", key="a", payload={"user_id": str(user_id)})
            enqueue(connection, "import", key=f"{user_id}:b")
            connection.execute(
                sa.insert(idempotency).values(
                    user_id=user_id, operation="o", request_id="r", request_hash=b"h"
                )
            )
    forget(database, ADA)
    assert (count(database, dead_letter), count(database, idempotency)) == (1, 1)
    with database.read() as connection:
        left = connection.execute(sa.select(job.c.payload, job.c.key)).all()
    assert not [row for row in left if str(ADA) in str(row)]


def test_of_a_dead_letter_about_several_only_what_is_the_persons_goes(database):
    letter = {
        "event_id": uuid7(), "stream": STREAM, "aggregate_id": f"{ADA}:batch", "actor": str(ADA),
        "aggregate_version": 1, "occurred_at": sa.func.now(), "error": "e", "attempts": 5,
        "payload": f"{ADA} {GRACE}".encode(),
    }  # fmt: skip

    def without(payload, user_id):
        return b" ".join(one for one in payload.split() if one != str(user_id).encode()) or None

    def unreadable(_payload, _user_id):
        raise DecodeError

    with database.begin() as connection:
        for consumer, kind in (("c", "batch"), ("d", "batch"), ("c2", "broken"), ("c3", "other")):
            written = {**letter, "consumer": consumer, "type": kind}
            connection.execute(sa.insert(dead_letter).values(written))
    forget(database, ADA, {"batch": without, "broken": unreadable})
    with database.read() as connection:
        left = connection.execute(sa.select(dead_letter).order_by(dead_letter.c.consumer)).all()
    assert [(row.consumer, bytes(row.payload)) for row in left] == [
        ("c", str(GRACE).encode()),
        ("d", str(GRACE).encode()),
    ]
    assert {(row.aggregate_id, row.actor, row.attempts) for row in left} == {(":batch", "", 5)}
    forget(database, GRACE, {"batch": without})
    assert count(database, dead_letter) == 0


def test_events_that_were_never_heard_are_waited_for_though_redis_was_flushed(saga):
    """A flushed stream looks read to its end; what was not counted would be lost."""
    event = fact(b"", actor=ADA)
    published(saga.database, event, Fact("deeds.v1.Uncounted", "a", 1, b"", actor=str(ADA)))
    saga.eraser = replace(saga.eraser, hearers={"counter": ["deeds.v1.Done"]})
    saga.request()
    saga.work()
    assert saga.acknowledged == []
    assert count(saga.database, outbox) == 2
    with saga.database.begin() as connection:
        connection.execute(sa.insert(inbox).values(consumer="counter", event_id=event.event_id))
    saga.work()
    assert len(saga.acknowledged) == 1
    assert count(saga.database, outbox) == 0


def test_what_a_replay_publishes_meanwhile_goes_too(saga, redis_streams):
    """After its rows were read, and before they were deleted."""
    published(saga.database, fact(b"", actor=ADA))
    publishing, deleting = threading.Event(), threading.Event()

    def publish_again():
        with saga.database.begin() as connection:
            wait = sa.select(sa.func.pg_advisory_xact_lock_shared(PUBLISH_LOCK))
            connection.execute(wait)
            publishing.set()
            deleting.wait(30)
            append(redis_streams, STREAM, [fact(b"", actor=ADA)])

    relay = threading.Thread(target=publish_again)
    relay.start()
    publishing.wait(30)
    rewriters = {"deeds.v1.Done": lambda _payload, _user_id: deleting.set()}
    saga.eraser = replace(saga.eraser, rewriters=rewriters)
    saga.request()
    saga.work()
    relay.join()
    assert len(saga.acknowledged) == 1
    assert redis_streams.xlen(stream_key(STREAM)) == 0


def test_stream_entries_go_once_every_group_has_read_them(redis_streams):
    key = stream_key(STREAM)
    for group in ("quick", "slow"):
        redis_streams.xgroup_create(key, group, id="0", mkstream=True)
    append(redis_streams, STREAM, [fact(str(ADA).encode()), fact(b"", actor=GRACE)])

    def read(group, *, acknowledge=True):
        ((_key, entries),) = redis_streams.xreadgroup(group, "one", {key: ">"})
        ids = [entry_id for entry_id, _fields in (entries[0] if _nested(entries) else entries)]
        if acknowledge:
            redis_streams.xack(key, group, *ids)
        return ids

    read("quick")
    with pytest.raises(Unavailable):
        forget_entries(redis_streams, STREAM, ADA)
    ids = read("slow", acknowledge=False)
    with pytest.raises(Unavailable):
        forget_entries(redis_streams, STREAM, ADA)
    redis_streams.xack(key, "slow", *ids)
    assert forget_entries(redis_streams, STREAM, ADA) == 1
    assert forget_entries(redis_streams, STREAM, ADA) == 0
    assert redis_streams.xlen(key) == 1


def _nested(entries):
    return bool(entries) and isinstance(entries[0], list)


def test_a_long_stream_is_searched_to_its_end(redis_streams):
    append(redis_streams, STREAM, [fact(b"", actor=GRACE)] * 1200 + [fact(b"", actor=ADA)] * 600)
    assert forget_entries(redis_streams, STREAM, ADA) == 600
    assert redis_streams.xlen(stream_key(STREAM)) == 1200
    assert forget_entries(redis_streams, "never.events", ADA) == 0


def test_keys_about_the_person_go(redis_cache):
    for user_id in (ADA, GRACE):
        redis_cache.set(f"sequence:{user_id}", 1)
        redis_cache.set(f"idempotency:{user_id}:x", 1)
    assert forget_keys(redis_cache, ADA) == 2
    assert sorted(redis_cache.keys()) == sorted(
        [f"sequence:{GRACE}".encode(), f"idempotency:{GRACE}:x".encode()]
    )


def test_a_tombstone_tells_only_who_has_the_key(database):
    erasure_id = uuid7()
    with database.begin() as connection:
        begin(connection, TOMBSTONES, erasure_id, ADA)
        begin(connection, TOMBSTONES, uuid7(), ADA)
    with database.read() as connection:
        assert TOMBSTONES.erased(connection, [ADA, GRACE]) == {ADA}
        assert TOMBSTONES.erased(connection, []) == set()
        other = Tombstones("another key of at least 32 characters")
        assert other.erased(connection, [ADA]) == set()
        assert unfinished_user(connection, erasure_id) == ADA


class Saga:
    """A service with one table of its own, here a set."""

    def __init__(self, database, redis_streams):
        self.rows = {ADA, GRACE}
        self.acknowledged = []
        self.failing = False
        self.errors = []
        self.database = database
        self.eraser = Eraser(
            database=database,
            streams=redis_streams,
            tombstones=TOMBSTONES,
            forget=self.forget,
            acknowledge=self.acknowledge,
            own_streams=(STREAM,),
        )
        self.erasure_id = uuid7()

    def forget(self, _connection, user_id):
        if self.errors:
            raise self.errors.pop()
        there = user_id in self.rows
        self.rows.discard(user_id)
        return int(there)

    def acknowledge(self, erasure_id, deleted_count):
        if self.failing:
            raise Unavailable("users is down")
        self.acknowledged.append((erasure_id, deleted_count))

    def request(self):
        with self.database.begin() as connection:
            self.eraser.request(connection, self.erasure_id, ADA)

    def work(self, *, later=True):
        """Run what is due; `later` lets the time of what is not yet due come."""
        if later:
            with self.database.begin() as connection:
                due = sa.update(job).where(job.c.state == "queued")
                connection.execute(due.values(run_after=sa.func.now()))
        Worker(
            name="tester",
            database=self.database,
            redis_url="redis://127.0.0.1:1/0",
            handlers=self.eraser.functions,
            instance="one",
        ).run_waiting()

    def traces(self):
        with self.database.read() as connection:
            erasures = connection.execute(sa.text("select row_to_json(erasure)::text from erasure"))
            jobs = connection.execute(sa.text("select row_to_json(job)::text from job"))
            return [text for rows in (erasures, jobs) for (text,) in rows if str(ADA) in text]


@pytest.fixture
def saga(database, redis_streams):
    return Saga(database, redis_streams)


def test_rows_go_at_once_and_the_rest_a_moment_later(saga):
    saga.request()
    saga.work(later=False)
    assert saga.rows == {GRACE}
    assert saga.acknowledged == []
    saga.rows.add(ADA)  # a call that was under way
    saga.work()
    assert saga.rows == {GRACE}
    assert saga.acknowledged == [(saga.erasure_id, 2)]
    assert saga.traces() == []


def test_an_erasure_goes_on_when_users_is_back(saga):
    saga.request()
    saga.failing = True
    saga.work()
    assert saga.acknowledged == []
    assert saga.traces()
    saga.failing = False
    saga.work()
    assert saga.acknowledged == [(saga.erasure_id, 1)]
    assert saga.traces() == []


def test_an_erasure_goes_on_though_what_went_wrong_before_named_the_person(saga):
    saga.request()
    saga.errors = [ValueError(f"cannot delete {ADA}") for _job in ("first", "last")]
    saga.work()
    assert len(saga.traces()) == 3
    saga.failing = True
    saga.work()
    assert saga.acknowledged == []
    saga.failing = False
    saga.work()
    assert saga.acknowledged == [(saga.erasure_id, 1)]
    assert saga.traces() == []


def test_a_repeated_request_changes_nothing(saga):
    saga.request()
    saga.work()
    saga.request()
    saga.work()
    assert saga.acknowledged == [(saga.erasure_id, 1)]
    assert saga.traces() == []
