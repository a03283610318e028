"""What a served RPC promises, asked over real gRPC."""

import json
import logging
import threading
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2, status_pb2
from sqlalchemy import text

from chassis import logs
from chassis.errors import Conflict, Invalid
from chassis.rpc import client_address, remaining_seconds
from chassis.testing import eventually


class ShelfFull(Conflict):
    """A refusal of the test's own."""


def refused(ask, *arguments, **named) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        ask(*arguments, **named)
    return caught.value


def error_info(error: Any) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.details[0].Unpack(info)
    return info


def raising(error: Exception):
    def behaviour(_text: str) -> str:
        raise error

    return behaviour


def test_a_public_method_answers_anybody(echo, running, ask):
    assert ask(running(echo(str.upper)).channel, "Public", "hello") == "HELLO"


def test_a_call_without_a_deadline_is_refused(echo, running, ask):
    error = refused(ask, running(echo(str)).channel, "Public", timeout=None)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(error).reason == "DEADLINE_REQUIRED"


def test_the_time_left_is_known_inside_a_call(echo, running, ask):
    channel = running(echo(lambda _text: str(remaining_seconds()))).channel
    assert 0 < float(ask(channel, "Public", timeout=7)) < 8  # gRPC rounds deadlines up
    assert remaining_seconds() is None


def test_a_client_address_is_believed_from_services_alone(echo, running, ask, tokens):
    channel = running(echo(lambda _text: client_address())).channel
    told = ("x-client-address", "203.0.113.0")
    assert ask(channel, "Public", metadata=[*tokens.service("gateway"), told]) == "203.0.113.0"
    assert ask(channel, "Public", metadata=tokens.service("gateway")) == ""
    assert ask(channel, "Public", metadata=[told]) == ""
    alone = [("authorization", f"Bearer {tokens.access_token(uuid4())}"), told]
    assert ask(channel, "Public", metadata=alone) == ""


def test_a_refusal_carries_reason_and_facts(echo, running, ask):
    channel = running(echo(raising(ShelfFull("no room for more", limit=500)))).channel
    error = refused(ask, channel, "Public")
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == "no room for more"
    info = error_info(error)
    assert (info.reason, info.domain) == ("SHELF_FULL", "marquee")
    assert json.loads(info.metadata["facts"]) == {"limit": 500}


def test_a_thousand_errors_still_fit_into_a_trailer(echo, running, ask):
    errors = [{"pointer": f"/rows/{row}", "detail": "is no rating"} for row in range(1000)]
    channel = running(echo(raising(Invalid("ü" * 5000, errors=errors)))).channel
    error = refused(ask, channel, "Public")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(json.loads(error_info(error).metadata["facts"])["errors"]) > 10


@contextmanager
def service_logs():
    """Logs configured as a service's are, for the length of the block."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure_logs("chassis-tests")
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_bug_is_answered_without_details_and_logged_with_its_trace(echo, running, ask, capsys):
    channel = running(echo(raising(RuntimeError("the secret is 42")))).channel
    with service_logs():
        error = refused(ask, channel, "Public", metadata=[("x-request-id", "request-1")])
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    printed = capsys.readouterr().out.splitlines()
    failed = json.loads(next(line for line in printed if "rpc failed" in line))
    assert "the secret is 42" in failed["exception"]
    assert (failed["request_id"], failed["service"]) == ("request-1", "chassis-tests")


def test_what_the_database_refuses_is_told_in_our_words(echo, running, ask, database_for):
    database = database_for("chassis")

    def run(statement: str) -> str:
        with database.begin(statement_timeout_seconds=0.2) as connection:
            return str(connection.execute(text(statement)).scalar())

    channel = running(echo(run)).channel
    assert ask(channel, "Public", "select 1") == "1"
    for statement, code in (
        ("select 1 / 0", "INVALID_ARGUMENT"),
        ("select 99999999999::int", "INVALID_ARGUMENT"),
        ("select pg_sleep(5)", "DEADLINE_EXCEEDED"),
        ("select pg_terminate_backend(pg_backend_pid())", "UNAVAILABLE"),
        ("select nothing from nowhere", "INTERNAL"),
    ):
        assert refused(ask, channel, "Public", statement).code().name == code


def test_text_with_nul_is_invalid(echo, running, ask, database_for):
    database = database_for("chassis")

    def find(value: str) -> str:
        with database.read() as connection:
            return str(connection.execute(text("select :value"), {"value": value}).scalar())

    error = refused(ask, running(echo(find)).channel, "Public", "a\0b")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_past_the_limit_is_refused(echo, running, ask):
    error = refused(ask, running(echo(str)).channel, "Public", "x" * (5 * 1024 * 1024))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_missing_method_is_unimplemented(echo, running, ask):
    error = refused(ask, running(echo(str)).channel, "Missing")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_calls_past_the_queue_are_shed(echo, running):
    """Four workers and eight waiting for each: of 60 held calls 24 are refused at once."""
    release = threading.Event()
    server = running(echo(lambda _text: str(release.wait(20))))
    stub = server.channel.unary_unary("/chassis_tests.v1.EchoService/Public")
    shed = threading.Semaphore(0)
    calls = [stub.future(b"", timeout=20) for _ in range(60)]
    for call in calls:
        call.add_done_callback(lambda _call: shed.release())
    assert all(shed.acquire(timeout=10) for _ in range(24))
    release.set()
    codes = [call.code() for call in calls]
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 24
    assert codes.count(grpc.StatusCode.OK) == 36


def test_a_call_whose_time_passed_in_the_queue_is_not_begun(echo, running, ask):
    begun: list[str] = []
    release = threading.Event()

    def behaviour(value: str) -> str:
        begun.append(value)
        release.wait(20)
        return value

    channel = running(echo(behaviour)).channel
    blockers = [threading.Thread(target=ask, args=(channel, "Public", "first")) for _ in range(4)]
    for thread in blockers:
        thread.start()
    eventually(lambda: len(begun) == 4)
    error = refused(ask, channel, "Public", "late", timeout=0.2)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    release.set()
    for thread in blockers:
        thread.join()
    assert ask(channel, "Public", "after") == "after"
    assert "late" not in begun
