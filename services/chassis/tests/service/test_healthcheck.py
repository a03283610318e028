"""The check that containers are watched with."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis.healthcheck import main


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        return


@pytest.fixture
def http_address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def checks() -> health.HealthServicer:
    return health.HealthServicer()


@pytest.fixture
def grpc_address(checks) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"grpc://127.0.0.1:{port}"
    server.stop(None).wait()


def test_a_service_that_serves_is_well(checks, grpc_address):
    checks.set("", health_pb2.HealthCheckResponse.SERVING)
    assert main([grpc_address]) == 0


def test_a_service_that_is_leaving_is_not(checks, grpc_address, capsys):
    checks.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    assert main([grpc_address]) == 1
    assert "NOT_SERVING" in capsys.readouterr().err


def test_a_page_that_answers_200_is_well_and_any_other_is_not(http_address, capsys):
    assert main([f"{http_address}/readyz"]) == 0
    assert main([f"{http_address}/other"]) == 1
    assert "answers 503" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_nobody_at_the_address_is_told_in_one_line(scheme, capsys):
    assert main([f"{scheme}://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["127.0.0.1:1"], ["ftp://x"], ["http://"], ["a", "b"]])
def test_another_call_than_that_is_a_usage_error(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage:")
