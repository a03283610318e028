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
import sqlalchemy as sa
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.events import Fact, append
from chassis.testing import eventually
from marquee.gateway.v1 import events_pb2 as gateway


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
        "DATABASE_URL": database_url_for("analytics"),
        "REDIS_STREAMS_URL": redis_streams_url,
        "REDIS_CACHE_URL": redis_cache_url,
        "INTERNAL_KEY": "k" * 32,
        "GRPC_LISTEN": f"127.0.0.1:{port}",
        "USERS_ADDRESS": "127.0.0.1:1",
        "DRAIN_SECONDS": "0",
    }
    started: list[subprocess.Popen] = []

    def run(command: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-m", "analytics", command], env=environment)
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
            return stub.Check(request, wait_for_ready=True, timeout=30).status

        eventually(lambda: status("database") == health_pb2.HealthCheckResponse.SERVING)
        assert status("") == health_pb2.HealthCheckResponse.NOT_SERVING
    assert ended(process) == 0


def test_background_counts_and_work_does_the_chores(start, redis_streams, database):
    background, work = start("background"), start("work")
    usage = gateway.RouteUsage(method="GET", route="/r", status=200, requests_count=1)
    message = gateway.RequestsServed(instance="g", usages=[usage])
    told = Fact(message.DESCRIPTOR.full_name, "g", 1, message.SerializeToString())
    append(redis_streams, "gateway.activity", [told])

    def number(query: str) -> int:
        with database.read() as connection:
            return connection.execute(sa.text(query)).scalar_one()

    eventually(lambda: number("select count(*) from api_usage_rollup") == 2, within=30)
    eventually(lambda: number("select count(*) from job where state = 'done'") == 2, within=30)
    assert ended(background) == 0
    assert ended(work) == 0


def test_the_settings_are_told(start):
    assert start("settings").wait(timeout=30) == 0
