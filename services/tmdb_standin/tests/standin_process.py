"""A stand-in in a process of its own, and clients of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import pytest

TOKEN = "test-token"
NOW = "2026-06-15T12:00:00Z"
Serve = Callable[..., httpx.Client]


class Servers:
    """Servers on free ports, until all are ended."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._clients: list[httpx.Client] = []

    def start(self, **settings: object) -> httpx.Client:
        """`python -m tmdb_standin serve` with settings; a client that carries the token."""
        port = _free_port()
        asked = {"TOKEN": TOKEN, "PORT": port, "NOW": NOW, "SIZE": 400} | settings
        environment = os.environ | {f"STANDIN_{name}": str(value) for name, value in asked.items()}
        command = [sys.executable, "-m", "tmdb_standin", "serve"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        self._processes.append(process)
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "identity"}
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20)
        self._clients.append(client)
        _wait(client, process)
        return client

    def end(self) -> list[int]:
        """Tell all to stop; what they ended with."""
        for client in self._clients:
            client.close()
        for process in self._processes:
            process.terminate()
        return [process.wait(timeout=10) for process in self._processes]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            client.get("/_health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"the stand-in ended with {process.returncode}")
