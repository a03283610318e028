"""Revocations, read from a real stream."""

import time
import uuid
from typing import Any, cast

import pytest
import redis
from structlog.testing import capture_logs

from chassis.events import Fact, fields_of, stream_key
from chassis.identity import Revocations
from chassis.testing import eventually

KEY = stream_key("users.events")
REVOKED = "marquee.users.v1.SessionRevoked"


def append(client: redis.Redis, kind: str, aggregate_id: object, entry_id: str = "*") -> None:
    fact = Fact(type=kind, aggregate_id=str(aggregate_id), aggregate_version=1, payload=b"")
    client.xadd(KEY, cast(Any, fields_of(fact, "")), id=entry_id)


@pytest.fixture
def following(redis_streams_url):
    started = []

    def start(**more):
        client = redis.Redis.from_url(redis_streams_url)
        one = Revocations(client, types=[REVOKED], **more)
        one.start()
        started.append((one, client))
        return one

    yield start
    for one, client in started:
        one.stop()
        client.close()


def test_a_session_revoked_before_or_after_the_start_is_known(following, redis_streams):
    earlier, later, other = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    append(redis_streams, REVOKED, earlier)
    revocations = following()
    eventually(lambda: revocations.known)
    assert revocations(earlier)
    append(redis_streams, "marquee.users.v1.UserRegistered", other)
    append(redis_streams, REVOKED, later)
    eventually(lambda: revocations(later))
    assert not revocations(other)


@pytest.fixture
def busy(redis_streams, background):
    """People sign in all the time, more often than a read waits for."""

    def sign_in(stop):
        while not stop.wait(0.01):
            append(redis_streams, "marquee.users.v1.SessionStarted", uuid.uuid4())

    with background(sign_in):
        yield


@pytest.mark.usefixtures("busy")
def test_a_stream_that_never_rests_is_caught_up_with(following, redis_streams):
    session_id = uuid.uuid4()
    for one in [*(uuid.uuid4() for _ in range(1200)), session_id]:
        append(redis_streams, REVOKED, one)
    revocations = following()
    eventually(lambda: revocations.known)
    assert revocations(session_id)


@pytest.mark.usefixtures("busy")
def test_what_was_revoked_is_forgotten_in_time_while_the_stream_never_rests(following):
    session_id = uuid.uuid4()
    revocations = following(held_seconds=0.5)
    revocations.add(session_id)
    eventually(lambda: not revocations(session_id))


@pytest.mark.usefixtures("busy")
def test_old_ones_are_forgotten_while_others_revoke(following):
    revocations = following(held_seconds=0.3)
    with capture_logs() as logged:
        for number in range(400_000):
            revocations.add(uuid.UUID(int=number))
        eventually(lambda: not revocations(uuid.UUID(int=399_999)))
    assert "a background step failed" not in {one["event"] for one in logged}


def test_what_was_revoked_longer_ago_than_a_token_lives_is_not_read(following, redis_streams):
    long_ago = uuid.uuid4()
    append(redis_streams, REVOKED, long_ago, f"{int((time.time() - 3600) * 1000)}-0")
    revocations = following()
    eventually(lambda: revocations.known)
    assert not revocations(long_ago)


def test_wiring_says_what_an_event_revokes(following, redis_streams):
    user_id, session_id = uuid.uuid4(), uuid.uuid4()
    revocations = following(subjects=lambda _event: [user_id, session_id])
    append(redis_streams, REVOKED, "whatever")
    eventually(lambda: revocations(user_id) and revocations(session_id))


def test_who_is_shut_out_stays_so_until_let_in_again(following, redis_streams):
    changed = "marquee.users.v1.UserAccessChanged"
    let_in = iter([False, True, False])
    user_id, other = uuid.uuid4(), uuid.uuid4()
    append(redis_streams, changed, user_id)
    revocations = following(access={changed: lambda _event: next(let_in)})
    eventually(lambda: revocations(user_id))
    append(redis_streams, changed, user_id)
    eventually(lambda: not revocations(user_id))
    append(redis_streams, changed, "not-a-uuid")
    append(redis_streams, changed, other)
    eventually(lambda: revocations.known)
    assert not revocations(user_id)


def test_an_event_that_makes_no_sense_stops_nothing(following, redis_streams):
    session_id = uuid.uuid4()
    revocations = following()
    append(redis_streams, REVOKED, "not-a-uuid")
    append(redis_streams, REVOKED, session_id)
    eventually(lambda: revocations(session_id))


def test_a_redis_that_is_away_is_waited_for():
    client = redis.Redis(host="127.0.0.1", port=1)
    revocations = Revocations(client, types=[REVOKED])
    revocations.start()
    session_id = uuid.uuid4()
    revocations.add(session_id)
    assert revocations(session_id)
    assert not revocations.known
    revocations.stop()
    client.close()
