"""A stand-in in a process of its own, and clients of it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

import tmdb_standin
from tmdb_standin.api import Api

TOKEN = "test-token"
NOW = "2026-06-15T12:00:00Z"
BEARER = {"authorization": f"Bearer {TOKEN}"}
Serve = Callable[..., httpx.Client]


class Servers:
    """Servers on free ports, until all are ended."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._clients: list[httpx.Client] = []

    def start(self, code: Path | None = None, **settings: object) -> httpx.Client:
        """`python -m tmdb_standin serve` with settings; a client that carries the token."""
        port = free_port()
        environment = surroundings({"PORT": port, "NOW": NOW, "SIZE": 400} | settings, code)
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


class _Protocol:
    """A request's body, and what granian sends on."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self) -> bytes:
        return self._body

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.sent = httpx.Response(status, headers=headers, content=body)


async def asked_of(
    api: Api,
    path: str,
    *,
    method: str = "GET",
    query: str = "",
    headers: object = BEARER,
    body: bytes = b"",
) -> httpx.Response:
    """What an application in this process answers, as granian asks it."""
    scope: Any = SimpleNamespace(path=path, method=method, query_string=query, headers=headers)
    protocol: Any = _Protocol(body)
    await api(scope, protocol)
    return protocol.sent


def surroundings(settings: dict[str, object], code: Path | None = None) -> dict[str, str]:
    """The environment of a stand-in with these settings, of this code or of ours."""
    told = {"TOKEN": TOKEN, "PORT": free_port()} | settings
    asked = {f"STANDIN_{name}": str(value) for name, value in told.items()}
    return os.environ | asked | ({"PYTHONPATH": str(code)} if code else {})


def other_version(folder: Path) -> Path:
    """Code of a stand-in whose people have other names than ours."""
    package = Path(tmdb_standin.__file__).parent
    copy = Path(shutil.copytree(package, folder / package.name))
    words = (copy / "data" / "words.txt").read_text(encoding="utf-8")
    given = next(line for line in words.splitlines() if line.startswith("given|"))
    turned = "given|" + ",".join(reversed(given.removeprefix("given|").split(",")))
    (copy / "data" / "words.txt").write_text(words.replace(given, turned), encoding="utf-8")
    return folder


def free_port() -> int:
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
