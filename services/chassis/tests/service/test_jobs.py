"""A job is done, whoever dies in the middle of it, and whether or not Redis is there to tell."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from sqlalchemy import event, exc

from chassis import jobs, telemetry
from chassis.errors import Unavailable
from chassis.jobs import Chore, Worker, enqueue, find, latest, table
from chassis.jobs.celery import beat
from chassis.testing import eventually

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def database(database_for):
    return database_for("chassis")


def worker(database, handlers, *, redis_url=NOWHERE, **more):
    return Worker(
        name="tester",
        database=database,
        redis_url=redis_url,
        handlers=handlers,
        instance="one",
        **more,
    )


def put(database, kind="greet", key="k", **more):
    with database.begin() as connection:
        return enqueue(connection, kind, key=key, **more)


def look(database, job_id):
    with database.read() as connection:
        record = find(connection, job_id)
    assert record is not None
    return record


def run_again_now(database):
    with database.begin() as connection:
        connection.execute(sa.text("update job set run_after = now() where state = 'queued'"))


def test_a_job_is_run_with_its_payload_and_keeps_its_result(database):
    def greet(job, progress):
        progress.report(1, 2, phase="half")
        return {"said": f"hello {job.payload['name']}", "attempt": job.attempt}

    job_id = put(database, payload={"name": "you"})
    assert worker(database, {"greet": greet}).run_waiting() == 1
    done = look(database, job_id)
    assert done.state == "done"
    assert done.result == {"said": "hello you", "attempt": 1}
    assert done.progress == {"done": 1, "total": 2, "phase": "half"}
    assert done.started_at
    assert done.finished_at
    assert done.finished_at >= done.started_at


def test_a_job_of_the_same_key_is_the_same_until_it_is_finished(database):
    first = put(database)
    assert put(database) == first
    assert put(database, key="other") != first
    worker(database, {"greet": lambda *_: None}).run_waiting()
    assert put(database) != first


def test_a_job_for_later_waits(database):
    put(database, run_after=datetime.now(UTC) + timedelta(hours=1))
    assert worker(database, {"greet": lambda *_: None}).run_waiting() == 0


def test_jobs_nobody_here_handles_are_left_alone(database):
    job_id = put(database, "unheard of")
    assert worker(database, {"greet": lambda *_: None}).run_waiting() == 0
    assert look(database, job_id).state == "queued"


def test_a_job_that_fails_is_tried_again_and_given_up_at_last(database):
    def fail(job, progress):
        raise ValueError("no good")

    job_id = put(database, max_attempts=2)
    one = worker(database, {"greet": fail})
    assert one.run_waiting() == 1
    waiting = look(database, job_id)
    assert waiting.state == "queued"
    assert waiting.run_after > datetime.now(UTC)
    run_again_now(database)
    assert one.run_waiting() == 1
    failed = look(database, job_id)
    assert (failed.state, failed.attempt) == ("failed", 2)
    assert "no good" in str(failed.error)


def test_a_neighbour_that_is_down_costs_no_attempt(database):
    def ask(job, progress):
        raise Unavailable("catalog is down")

    job_id = put(database, max_attempts=1)
    worker(database, {"greet": ask}).run_waiting()
    waiting = look(database, job_id)
    assert (waiting.state, waiting.attempt) == ("queued", 0)


def test_a_neighbour_that_stays_down_is_asked_less_and_less_often(database):
    def ask(job, progress):
        raise Unavailable("catalog is down")

    def wait_seconds():
        one.run_waiting()
        waiting = look(database, job_id)
        run_again_now(database)
        return (waiting.run_after - waiting.updated_at).total_seconds()

    job_id, one = put(database), worker(database, {"greet": ask})
    waits = [wait_seconds() for _ in range(8)]
    for wait, longest in zip(waits, (5, 10, 20, 40, 60, 60, 60, 60), strict=True):
        assert longest / 2 <= wait <= longest
    assert len(set(waits)) == len(waits)


def test_what_is_urgent_waits_for_no_other_job_and_no_other_for_it(database, background):
    begun, permit = threading.Semaphore(0), threading.Event()

    def last(job, progress):
        begun.release()
        permit.wait(60)

    def state_of(job_id):
        return look(database, job_id).state

    long = [put(database, "long", key=f"{number}") for number in range(2)]
    working = worker(
        database,
        {"long": last, "greet": lambda *_: None},
        urgent={"erase": lambda *_: None, "erase long": last},
        concurrency=2,
    )
    with background(working.run):
        assert begun.acquire(timeout=20)
        assert begun.acquire(timeout=20)
        erasure = put(database, "erase")
        eventually(lambda: state_of(erasure) == "done")
        assert [state_of(one) for one in long] == ["running", "running"]
        permit.set()
        eventually(lambda: [state_of(one) for one in long] == ["done", "done"])

        permit.clear()
        put(database, "erase long")
        assert begun.acquire(timeout=20)
        greeting = put(database, "greet")
        eventually(lambda: state_of(greeting) == "done")
        permit.set()


def test_a_job_is_done_though_the_answer_to_its_last_commit_was_lost(database):
    def lose(*_):
        event.remove(database.engine, "checkin", lose)
        raise exc.OperationalError("commit", {}, psycopg2.OperationalError("no answer"))

    def lose_next(job, progress):
        event.listen(database.engine, "checkin", lose)

    job_id = put(database, "lose_next")
    worker(database, {"lose_next": lose_next}).run_waiting()
    assert look(database, job_id).state == "done"
    outcomes = {
        outcome: REGISTRY.get_sample_value("jobs_total", {"kind": "lose_next", "outcome": outcome})
        for outcome in ("done", "lost")
    }
    assert outcomes == {"done": 1.0, "lost": None}


def test_a_job_that_is_done_is_given_back_by_nobody(database):
    job_id = put(database)
    with database.begin() as connection:
        claimed = table.claim(connection, ["greet"], "one")
        assert claimed
        assert table.finish(connection, claimed, None)
        assert not table.renew(connection, claimed)
        wait = timedelta(0)
        assert not table.give_back(connection, claimed, error="late", wait=wait, counts=True)
    assert look(database, job_id).state == "done"


def test_a_result_that_cannot_be_kept_fails_the_job(database):
    job_id = put(database, max_attempts=1)
    worker(database, {"greet": lambda *_: {"when": datetime.now(UTC)}}).run_waiting()
    assert look(database, job_id).state == "failed"


def test_a_job_goes_on_from_its_checkpoint(database):
    runs = []

    def stumble(job, progress):
        runs.append(progress.saved)
        progress.checkpoint({"page": len(runs)})
        if len(runs) == 1:
            raise ValueError("tripped")

    put(database)
    one = worker(database, {"greet": stumble})
    one.run_waiting()
    run_again_now(database)
    one.run_waiting()
    assert runs == [{}, {"page": 1}]


def test_a_run_that_has_lost_its_lease_ends_and_writes_nothing(database):
    def take_away(job, progress):
        with database.begin() as connection:
            connection.execute(sa.text("update job set leased_by = 'someone else'"))
        progress.report(1)

    job_id = put(database)
    worker(database, {"greet": take_away}).run_waiting()
    record = look(database, job_id)
    assert (record.state, record.progress) == ("running", {})


def test_a_lost_lease_is_swept_up_and_counts_as_an_attempt(database):
    job_id = put(database, max_attempts=2)
    one = worker(database, {"greet": lambda *_: None})
    expired = (
        "update job set state = 'running', attempt = :n, lease_expires_at = now() - interval '1 s'"
    )
    for attempt, state in ((1, "queued"), (2, "failed")):
        with database.begin() as connection:
            connection.execute(sa.text(expired), {"n": attempt})
        one.tick()
        assert look(database, job_id).state == state


def test_a_chore_is_done_once_in_its_period_however_often_the_clock_ticks(database):
    done = []
    one = worker(
        database,
        {"sweep": lambda job, _: done.append(job.kind)},
        chores=[Chore("sweep", every_seconds=10**9)],
    )
    for _ in range(3):
        one.tick()
        one.run_waiting()
    assert done == ["sweep"]


def test_a_chore_nobody_handles_is_refused_at_the_start(database):
    with pytest.raises(ValueError, match="nobody handles"):
        worker(database, {}, chores=[Chore("sweep", every_seconds=60)])


def test_the_newest_jobs_of_a_kind_come_first(database):
    ids = [put(database, key=str(number)) for number in range(3)]
    put(database, "other")
    with database.read() as connection:
        assert [record.job_id for record in latest(connection, "greet", 2)] == ids[:0:-1]


def test_a_job_runs_in_the_trace_of_who_enqueued_it(database):
    traceparent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    with telemetry.span("write", parent=traceparent):
        put(database)
    seen = []
    worker(database, {"greet": lambda *_: seen.append(telemetry.traceparent())}).run_waiting()
    assert seen == [traceparent]


def test_a_commit_wakes_the_worker_through_celery(
    database, database_for, redis_streams, redis_streams_url, background
):
    done = threading.Event()
    # A tick of an hour: nothing but the wake-up can be the reason that the job is run.
    one = worker(
        database,
        {"greet": lambda *_: done.set()},
        redis_url=redis_streams_url,
        tick_seconds=3600,
    )
    writer = database_for("chassis")
    jobs.wake_on_commit(writer, name="tester", redis_url=redis_streams_url)
    with background(one.run):
        put(writer)
        assert done.wait(20)


def test_the_beat_ticks_for_every_service(database, redis_streams, redis_streams_url, background):
    done = threading.Event()
    one = worker(
        database,
        {"sweep": lambda *_: done.set()},
        redis_url=redis_streams_url,
        chores=[Chore("sweep", every_seconds=60)],
        tick_seconds=3600,
    )

    def ticking(stop):
        beat(redis_streams_url, ["other", "tester"], stop, every_seconds=0.2)

    with background(one.run, ticking):
        assert done.wait(20)


def test_enqueueing_and_working_go_on_without_redis_and_with_it_again(
    database, database_for, own_valkey, background
):
    done = []
    one = worker(
        database,
        {"greet": lambda job, _: done.append(job.payload["n"])},
        redis_url=own_valkey.url,
        tick_seconds=0.2,
    )
    writer = database_for("chassis")
    jobs.wake_on_commit(writer, name="tester", redis_url=own_valkey.url)
    with background(one.run):
        put(writer, key="up", payload={"n": 1})
        eventually(lambda: done == [1])
        own_valkey.kill()
        put(writer, key="down", payload={"n": 2})
        eventually(lambda: done == [1, 2])
        own_valkey.start()
        put(writer, key="again", payload={"n": 3})
        eventually(lambda: done == [1, 2, 3])


def test_a_worker_is_woken_by_celery_again_after_redis_was_restarted(
    database, database_for, own_valkey, own_redis, background
):
    done = []
    one = worker(
        database,
        {"greet": lambda job, _: done.append(job.payload["n"])},
        redis_url=own_valkey.url,
        tick_seconds=3600,
    )
    writer = database_for("chassis")
    jobs.wake_on_commit(writer, name="tester", redis_url=own_valkey.url)
    with background(one.run):
        put(writer, key="1", payload={"n": 1})
        eventually(lambda: done == [1], within=20)
        # A wake-up that is cut off in its acknowledgement may deafen celery until the next tick.
        eventually(lambda: not own_redis.hlen("{marquee}:celery:unacked"), within=20)
        own_valkey.kill()
        own_valkey.start()
        put(writer, key="2", payload={"n": 2})
        eventually(lambda: done == [1, 2], within=60)
        own_redis.flushall()
        put(writer, key="3", payload={"n": 3})
        eventually(lambda: done == [1, 2, 3], within=60)


def test_a_job_killed_with_its_worker_is_run_on_by_another(
    database, database_url_for, redis_streams, redis_streams_url, start_program
):
    with database.begin() as connection:
        connection.execute(sa.text("create table step (step int, instance text)"))
        connection.execute(sa.text("create table permit (upto int)"))
        connection.execute(sa.text("insert into permit values (2)"))
    job_id = put(database, "count", payload={"to": 5})

    def saved():
        return look(database, job_id).checkpoint.get("step", 0)

    program = ("worker", database_url_for("chassis"), redis_streams_url)
    first = start_program(*program, "first")
    eventually(lambda: saved() == 3, within=30)
    first.kill()
    first.wait()
    with database.begin() as connection:
        connection.execute(sa.text("update permit set upto = 5"))
        # The lease would run out by itself in twenty seconds.
        connection.execute(sa.text("update job set lease_expires_at = now()"))
    start_program(*program, "second")
    eventually(lambda: look(database, job_id).state == "done", within=30)
    with database.read() as connection:
        steps = connection.execute(sa.text("select step, instance from step order by step")).all()
    assert [tuple(row) for row in steps] == [
        (0, "first"),
        (1, "first"),
        (2, "first"),
        (3, "second"),
        (4, "second"),
    ]
    assert look(database, job_id).attempt == 2


def test_a_worker_asked_to_stop_gives_its_job_back_at_once(
    database, database_url_for, redis_streams, redis_streams_url, start_program
):
    with database.begin() as connection:
        connection.execute(sa.text("create table step (step int, instance text)"))
        connection.execute(sa.text("create table permit (upto int)"))
        connection.execute(sa.text("insert into permit values (1000000)"))
    job_id = put(database, "count", payload={"to": 1000000})
    process = start_program("worker", database_url_for("chassis"), redis_streams_url, "only")
    eventually(lambda: look(database, job_id).checkpoint.get("step", 0) > 3, within=30)
    process.terminate()
    assert process.wait(30) == 0
    record = look(database, job_id)
    assert (record.state, record.attempt) == ("queued", 0)
