"""H: the CPU time of a bare hello from the gateway's HTTP server, the unit of requests' costs."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import uvicorn

from launcher.bench.spending import cpu_seconds
from launcher.children import python
from launcher.settings import Failure

_WARM, _REQUESTS = 500, 5_000
_START_SECONDS = 20.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_BODY = b"hello"


def hello_seconds() -> float:
    """CPU seconds of one request, measured now: quote ratios to it from the same run alone."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        number = listener.fileno()
        command = python("-m", "launcher.bench.hello", str(number))
        with subprocess.Popen(command, pass_fds=(number,)) as process:
            try:
                return _measured(listener.getsockname(), process)
            finally:
                process.terminate()


def _measured(address: tuple[str, int], process: subprocess.Popen[bytes]) -> float:
    with socket.create_connection(address, timeout=_START_SECONDS) as client:
        _ask(client, _WARM)
        before = cpu_seconds([process.pid])
        _ask(client, _REQUESTS)
        return (cpu_seconds([process.pid]) - before) / _REQUESTS


def _ask(client: socket.socket, count: int) -> None:
    for _ in range(count):
        client.sendall(_REQUEST)
        answer = b""
        while not answer.endswith(_BODY):
            piece = client.recv(4096)
            if not piece:
                raise Failure("the bare hello did not answer")
            answer += piece


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
