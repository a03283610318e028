"""Real servers on free ports, as the tests ask for them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

TOKEN = "test-token"
NOW = "2026-06-15T12:00:00Z"
Serve = Callable[..., httpx.Client]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Start `python -m tmdb_standin serve` with settings; a client that carries the token."""
    processes: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def start(**settings: object) -> httpx.Client:
        port = _free_port()
        asked = {"TOKEN": TOKEN, "PORT": port, "NOW": NOW, "SIZE": 400} | settings
        environment = os.environ | {f"STANDIN_{name}": str(value) for name, value in asked.items()}
        command = [sys.executable, "-m", "tmdb_standin", "serve"]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "identity"}
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20)
        clients.append(client)
        _wait(client, processes[-1])
        return client

    yield start
    for client in clients:
        client.close()
    for process in processes:
        process.terminate()
    assert all(process.wait(timeout=10) is not None for process in processes)


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            client.get("/_health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"the stand-in ended with {process.returncode}")


@pytest.fixture(scope="session")
def steady(serve: Serve) -> httpx.Client:
    """A server that no test changes."""
    return serve()


@pytest.fixture(scope="session")
def _switched(serve: Serve) -> httpx.Client:
    return serve()


@pytest.fixture
def switched(_switched: httpx.Client) -> Iterator[httpx.Client]:
    """A server whose faults a test may switch; off again afterwards."""
    yield _switched
    _switched.delete("/_faults").raise_for_status()
