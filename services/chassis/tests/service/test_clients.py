"""Channels to neighbours: what goes out with a call and what comes back from one."""

import asyncio
import socket
import threading
import uuid

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry import trace

from chassis import identity, logs, telemetry
from chassis.clients import async_channel, channel
from chassis.errors import (
    Conflict,
    DeadlineExceeded,
    Exhausted,
    Failed,
    Invalid,
    NotFound,
    Refusal,
    Stale,
    Unauthenticated,
    Unavailable,
)
from chassis.rpc.calls import limit_seconds, remaining_seconds

PATH = "/chassis_tests.v1.EchoService/"


class ShelfFull(Conflict):
    """A refusal of the test's own."""


@pytest.fixture
def open_channel(tokens):
    opened = []

    def make(target: str, **more):
        one = channel(target, internal_key=tokens.internal_key, service="tests", **more)
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.close()


def raising(error: Exception):
    def behaviour(_text: str) -> str:
        raise error

    return behaviour


def test_a_call_carries_service_person_request_id_and_trace(
    echo, running, ask, open_channel, tokens
):
    def seen(_text: str) -> str:
        caller = identity.current()
        return (
            f"{caller.user_id} {caller.service} {logs.request_id.get()} {telemetry.traceparent()}"
        )

    user_id = uuid.uuid4()
    caller = identity.Caller(user_id, uuid.uuid4(), "user", None)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    neighbour = open_channel(running(echo(seen)).target)
    request_id = logs.request_id.set("request-7")
    with (
        identity.acting_as(caller, tokens.access_token(user_id)),
        telemetry.span("outer", parent=parent),
    ):
        reply = ask(neighbour, "UserOrService")
    logs.request_id.reset(request_id)
    assert reply == f"{user_id} tests request-7 {parent}"
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize(
    "refusal",
    [
        ShelfFull("no room", limit=500),
        Invalid("is odd", field="rating"),
        NotFound("no such movie", movie_id=7),
        Stale("changed meanwhile"),
        Exhausted("slow down", retry_after_seconds=30),
        Unauthenticated("sign in first"),
        DeadlineExceeded("too late"),
    ],
    ids=lambda refusal: refusal.reason,
)
def test_a_refusal_comes_back_as_what_it_was(echo, running, ask, open_channel, refusal):
    neighbour = open_channel(running(echo(raising(refusal))).target)
    with pytest.raises(Refusal) as caught:
        ask(neighbour, "Public")
    known = caught.value
    assert isinstance(refusal, type(known))
    assert (known.code, known.reason) == (refusal.code, refusal.reason)
    assert (known.detail, known.facts) == (refusal.detail, refusal.facts)


def test_a_neighbours_bug_is_a_failure(echo, running, ask, open_channel):
    neighbour = open_channel(running(echo(raising(RuntimeError("oops")))).target)
    with pytest.raises(Failed, match="a neighbour failed"):
        ask(neighbour, "Public")


def test_a_message_too_large_is_invalid(echo, running, ask, open_channel):
    neighbour = open_channel(running(echo(str)).target)
    with pytest.raises(Invalid) as caught:
        ask(neighbour, "Public", "x" * (5 * 1024 * 1024))
    assert caught.value.reason == "MESSAGE_TOO_LARGE"


def test_an_answer_may_be_larger_than_a_request(echo, running, ask, open_channel):
    neighbour = open_channel(running(echo(lambda text: text * 30)).target)
    assert len(ask(neighbour, "Public", "x" * 2**20)) == 30 * 2**20


def test_a_neighbour_that_is_down_is_unavailable(ask, open_channel):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        neighbour = open_channel(f"127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(Unavailable):
            ask(neighbour, "Public")


def test_a_neighbour_that_hangs_costs_no_more_than_the_deadline(echo, running, ask, open_channel):
    release = threading.Event()
    neighbour = open_channel(running(echo(lambda _text: str(release.wait(20)))).target)
    with pytest.raises(DeadlineExceeded):
        ask(neighbour, "Public", timeout=0.1)
    release.set()


def test_a_call_gets_no_more_than_is_left_of_the_one_being_answered(
    echo, running, ask, open_channel
):
    neighbour = open_channel(running(echo(lambda _text: str(remaining_seconds()))).target)
    inner = running(echo(lambda _text: ask(neighbour, "Public", timeout=60)))
    assert float(ask(inner.channel, "Public", timeout=3)) < 3.1
    assert float(ask(neighbour, "Public", timeout=None)) < 2.1


def test_no_call_is_made_when_no_time_is_left(ask, open_channel):
    def within_a_call_that_is_over() -> None:
        limit_seconds(-1)
        ask(open_channel("127.0.0.1:1"), "Public")

    with pytest.raises(DeadlineExceeded, match="no time was left"):
        _in_a_context(within_a_call_that_is_over)


def _in_a_context(function) -> None:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except Refusal as refusal:
            raised.append(refusal)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for refusal in raised:
        raise refusal


class Flaky:
    """Unavailable a number of times, then well."""

    def __init__(self, failures: int) -> None:
        self.calls = 0
        self._failures = failures

    def __call__(self, text: str) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise Unavailable("not now")
        return text


def test_what_changes_nothing_is_tried_three_times(echo, running, ask, open_channel):
    flaky = Flaky(2)
    assert ask(open_channel(running(echo(flaky)).target), "Public", "there") == "there"
    assert flaky.calls == 3
    gone = Flaky(99)
    with pytest.raises(Unavailable):
        ask(open_channel(running(echo(gone)).target), "Public")
    assert gone.calls == 3


def test_what_could_count_twice_is_never_repeated(echo, running, ask, open_channel):
    flaky = Flaky(1)
    with pytest.raises(Unavailable):
        ask(open_channel(running(echo(flaky)).target), "Once")
    assert flaky.calls == 1


def test_repetitions_are_rationed(echo, running, ask, open_channel):
    """Ten calls bring ten repetitions in all, not twenty."""
    gone = Flaky(10_000)
    neighbour = open_channel(running(echo(gone)).target)
    for _ in range(10):
        with pytest.raises(Unavailable):
            ask(neighbour, "Public")
    assert gone.calls == 20


async def test_coroutines_have_the_same_terms(echo, running, tokens):
    flaky = Flaky(2)
    target = running(echo(flaky)).target
    refusing = running(echo(raising(ShelfFull("no room", limit=500)))).target
    async with (
        async_channel(target, internal_key=tokens.internal_key, service="gateway") as good,
        async_channel(refusing, internal_key=tokens.internal_key, service="gateway") as bad,
    ):
        reply = await _method(good, "Service")(StringValue(value="there"))
        assert (reply.value, flaky.calls) == ("there", 3)
        with pytest.raises(Conflict) as caught:
            await _method(bad, "Public")(StringValue())
        assert (caught.value.reason, caught.value.facts) == ("SHELF_FULL", {"limit": 500})


async def test_a_coroutine_passes_the_persons_token_itself(echo, running, tokens):
    user_id = uuid.uuid4()
    target = running(echo(lambda _text: str(identity.require_user()))).target
    metadata = (("authorization", f"Bearer {tokens.access_token(user_id)}"),)
    async with async_channel(
        target, internal_key=tokens.internal_key, service="gateway"
    ) as neighbour:
        reply = await _method(neighbour, "User")(StringValue(), metadata=metadata)
    assert str(user_id) in reply.value
    assert "gateway" in reply.value


async def test_a_cancelled_coroutine_stays_cancelled(echo, running, tokens):
    release = threading.Event()
    target = running(echo(lambda _text: str(release.wait(20)))).target
    async with async_channel(target, internal_key=tokens.internal_key, service="g") as neighbour:
        call = asyncio.ensure_future(_method(neighbour, "Public")(StringValue()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.1)
    release.set()


def _method(neighbour, name: str):
    return neighbour.unary_unary(PATH + name, StringValue.SerializeToString, StringValue.FromString)
