"""H: the CPU time of a bare hello from the gateway's HTTP server, the unit of requests' costs."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import uvicorn

from launcher.bench.http import Connection, get
from launcher.bench.spending import cpu_seconds
from launcher.children import python
from launcher.settings import Failure

_WARM, _REQUESTS = 500, 5_000
_BODY = b"hello"


@dataclass(frozen=True, slots=True)
class Hello:
    """What a bare hello costs, and how many a second one connection gets."""

    cpu_seconds: float
    per_second: float


def hello() -> Hello:
    """Measured now: quote ratios to it from the same run alone."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        number = listener.fileno()
        command = python("-m", "launcher.bench.hello", str(number))
        with subprocess.Popen(command, pass_fds=(number,)) as process:
            try:
                return _measured(listener.getsockname()[1], process)
            finally:
                process.terminate()


def _measured(port: int, process: subprocess.Popen[bytes]) -> Hello:
    with Connection(port) as client:
        _ask(client, _WARM)
        before, began = cpu_seconds([process.pid]), time.monotonic()
        _ask(client, _REQUESTS)
        seconds = time.monotonic() - began
        return Hello((cpu_seconds([process.pid]) - before) / _REQUESTS, _REQUESTS / seconds)


def _ask(client: Connection, count: int) -> None:
    request = get("/")
    for _ in range(count):
        if client.ask(request).body != _BODY:
            raise Failure("the bare hello did not answer")


async def _app(_scope: Mapping[str, Any], _receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})


def _serve(number: int) -> None:
    # As the gateway is served, so that H is its floor.
    config = uvicorn.Config(
        _app, fd=number, loop="uvloop", http="httptools", lifespan="off",
        access_log=False, log_config=None, server_header=False,
    )  # fmt: skip
    with socket.socket(fileno=number) as listener:
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
