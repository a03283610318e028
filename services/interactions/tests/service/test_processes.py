"""The commands: they start while every neighbour is down, and end when told to."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.events import Fact, append
from chassis.testing import eventually
from interactions.store import movies
from marquee.catalog.v1 import events_pb2 as catalog_events

NOBODY = "127.0.0.1:1"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(database_url_for, redis_streams_url, redis_cache_url, port) -> Iterator:
    """`start("serve")` runs a command of the service; ended with the test if still running."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url_for("interactions"),
        "REDIS_STREAMS_URL": redis_streams_url,
        "REDIS_CACHE_URL": redis_cache_url,
        "INTERNAL_KEY": "k" * 32,
        "GRPC_LISTEN": f"127.0.0.1:{port}",
        "USERS_ADDRESS": NOBODY,
        "CATALOG_ADDRESS": NOBODY,
        "DRAIN_SECONDS": "0",
    }
    started: list[subprocess.Popen] = []

    def run(command: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "interactions", command], env=environment, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def ended(process: subprocess.Popen) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=30)


def test_serve_answers_its_health_while_users_is_down(start, port):
    process = start("serve")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)

        def status(name: str) -> int:
            request = health_pb2.HealthCheckRequest(service=name)
            try:
                return stub.Check(request, wait_for_ready=True, timeout=30).status
            except grpc.RpcError:  # a name is unknown until it has been looked at
                return health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

        eventually(lambda: status("database") == health_pb2.HealthCheckResponse.SERVING)
        assert status("signing_keys") == health_pb2.HealthCheckResponse.NOT_SERVING
        assert status("") == health_pb2.HealthCheckResponse.NOT_SERVING
    assert ended(process) == 0


def test_background_takes_in_the_catalogue(start, redis_streams, database_for):
    process = start("background")
    message = catalog_events.MoviesChanged(
        movies=[catalog_events.MovieFacts(movie_id=11, title="Eleven", version=1)]
    )
    fact = Fact(message.DESCRIPTOR.full_name, "11", 1, message.SerializeToString())
    append(redis_streams, "catalog.events", [fact])

    def known() -> bool:
        with database_for("interactions").read() as connection:
            return movies.is_removed(connection, 11) is False

    eventually(known, within=30)
    assert ended(process) == 0


def test_the_settings_are_told(start):
    process = start("settings")
    assert process.wait(timeout=30) == 0
