"""Starting, being ready, and leaving politely."""

import signal
import subprocess
import sys
import threading
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chassis.rpc import serve
from chassis.settings import ServiceSettings
from chassis.testing import eventually

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def _stub(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel)


def status(channel: grpc.Channel, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    try:
        return _stub(channel).Check(request, timeout=5).status
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        raise


@pytest.fixture
def settings() -> ServiceSettings:
    nowhere = "redis://127.0.0.1:1/0"
    return ServiceSettings.model_validate(
        {
            "database_url": "postgresql+psycopg2://127.0.0.1:1/nowhere",
            "redis_streams_url": nowhere,
            "redis_cache_url": nowhere,
            "internal_key": "k" * 32,
            "drain_seconds": 0,
        }
    )


@pytest.fixture
def serving(settings, tokens):
    started = []

    def start(registration, **more):
        options: dict[str, Any] = {"listen": "127.0.0.1:0", "readiness": dict, **more}
        server = serve(
            servicers=[registration], settings=settings, verifier=tokens.verifier(), **options
        )
        server.start()
        channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
        started.append((server, channel))
        return server, channel

    yield start
    for server, channel in started:
        channel.close()
        server.stop()


def test_health_follows_readiness_and_names_what_is_missing(echo, serving):
    there = threading.Event()
    _, channel = serving(echo(str), readiness=lambda: {"database": there.is_set(), "keys": True})
    eventually(lambda: status(channel, "keys") == SERVING)
    assert status(channel) == NOT_SERVING
    assert status(channel, "database") == NOT_SERVING
    there.set()
    eventually(lambda: status(channel) == SERVING)
    assert status(channel, "chassis_tests.v1.EchoService") == SERVING


def test_a_readiness_check_that_breaks_means_not_ready(echo, serving):
    _, channel = serving(echo(str), readiness=lambda: {}["missing"])
    eventually(lambda: status(channel, "readiness") == NOT_SERVING)
    assert status(channel) == NOT_SERVING


def test_reflection_lists_the_services(echo, serving):
    _, channel = serving(echo(str))
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    reply = next(stub.ServerReflectionInfo(iter([request]), timeout=5))
    names = {service.name for service in reply.list_services_response.service}
    assert {"chassis_tests.v1.EchoService", "grpc.health.v1.Health"} <= names


def test_a_port_in_use_is_an_error_and_not_shared(echo, serving):
    server, _ = serving(echo(str))
    with pytest.raises(RuntimeError):
        serving(echo(str), listen=f"127.0.0.1:{server.port}")


def test_stopping_answers_what_was_begun_and_then_closes(echo, serving, ask):
    begun, release = threading.Event(), threading.Event()
    closed: list[str] = []

    def slow(text: str) -> str:
        begun.set()
        release.wait(10)
        return text

    server, channel = serving(echo(slow), closing=[lambda: closed.append("done")])
    replies: list[str] = []
    caller = threading.Thread(target=lambda: replies.append(ask(channel, "Public", "begun")))
    caller.start()
    begun.wait(10)
    stopper = threading.Thread(target=server.stop, kwargs={"grace_seconds": 10})
    stopper.start()
    eventually(lambda: _refuses(ask, server.port))
    assert not closed
    release.set()
    stopper.join()
    caller.join()
    assert replies == ["begun"]
    assert closed == ["done"]


def test_all_is_closed_though_something_cannot_be(echo, serving):
    closed: list[str] = []

    def fail() -> None:
        raise OSError("cannot be closed")

    server, _ = serving(echo(str), closing=[fail, lambda: closed.append("done")])
    server.stop()
    assert closed == ["done"]


def test_who_waits_and_who_stops_close_once_and_go_on_when_it_is_done(echo, serving, no_handlers):
    closings: list[str] = []
    twice = threading.Event()

    def close() -> None:
        closings.append("begun")
        if len(closings) > 1:
            twice.set()
        twice.wait(1)
        closings.append("done")

    server, _ = serving(echo(str), closing=[close])
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    server.wait()
    assert closings == ["begun", "done"]
    stopper.join()


@pytest.fixture
def no_handlers():
    """Handlers of signals are as they were when the test is over."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _refuses(ask, port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            ask(channel, "Public", timeout=0.5)
        except grpc.RpcError as error:
            return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


PROGRAM = """
import sys
from chassis.identity import TokenVerifier
from chassis.rpc import serve
from chassis.settings import ServiceSettings

settings = ServiceSettings()
verifier = TokenVerifier(keys=dict, internal_key="k" * 32, revoked=lambda _id: False)
server = serve(listen="127.0.0.1:0", servicers=[], settings=settings, verifier=verifier,
               readiness=lambda: {}, closing=[lambda: print("closed", flush=True)])
server.heed_signals()
server.start()
print(server.port, flush=True)
server.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_success(settings, number):
    environment = {
        "DATABASE_URL": settings.database_url,
        "REDIS_STREAMS_URL": settings.redis_streams_url,
        "REDIS_CACHE_URL": settings.redis_cache_url,
        "INTERNAL_KEY": "k" * 32,
        "DRAIN_SECONDS": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    port = next(line.strip() for line in lines if line.strip().isdigit())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        eventually(lambda: status(channel) == SERVING)
        process.send_signal(number)
        assert "closed" in process.communicate(timeout=20)[0]
    assert process.returncode == 0
