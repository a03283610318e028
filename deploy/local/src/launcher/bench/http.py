"""A client that does next to nothing: requests as ready bytes, over connections that stay open."""

import asyncio
import json
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from launcher.settings import Failure

_SECONDS = 60.0
_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a whole body."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, as it should be: Failure says what came instead of success."""
        if not 200 <= self.status < 300:
            raise Failure(f"an answer of {self.status}: {self.body[:300].decode(errors='replace')}")
        return json.loads(self.body or b"null")


def get(path: str, token: str = "") -> bytes:
    """A GET."""
    return request("GET", path, token)


def request(
    method: str,
    path: str,
    token: str = "",
    *,
    document: Any = None,
    form: Mapping[str, str] | None = None,
) -> bytes:
    """A request with a JSON document, a form, or nothing in its body."""
    body, media = b"", ""
    if document is not None:
        body, media = json.dumps(document).encode(), "application/json"
    elif form is not None:
        body, media = urlencode(form).encode(), "application/x-www-form-urlencoded"
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Content-Type: {media}"] if media else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """One connection: the next request goes out when the last was answered."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def ask(self, raw: bytes) -> Answer:
        """The answer to one request."""
        self._socket.sendall(raw)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._piece()
        head, _, body = received.partition(b"\r\n\r\n")
        status, length = _read_head(head)
        while len(body) < length:
            body += self._piece()
        return Answer(status, body)

    def _piece(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise Failure("the server closed the connection")
        return piece


def seconds_each(port: int, requests: Iterable[bytes]) -> Iterator[float]:
    """Ask one after the other; how long each answer took."""
    with Connection(port) as client:
        for raw in requests:
            began = time.monotonic()
            client.ask(raw).json()
            yield time.monotonic() - began


def ask_at_once(port: int, requests: Iterable[bytes], connections: int) -> int:
    """Ask over so many connections at the same time; how many were answered."""
    waiting = iter(requests)
    return asyncio.run(_ask_all(port, waiting, connections))


async def _ask_all(port: int, waiting: Iterator[bytes], connections: int) -> int:
    counts = await asyncio.gather(*(_ask_on(port, waiting) for _ in range(connections)))
    return sum(counts)


async def _ask_on(port: int, waiting: Iterator[bytes]) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        count = 0
        for raw in waiting:  # shared: whoever is free takes the next
            writer.write(raw)
            status, length = _read_head(await reader.readuntil(b"\r\n\r\n"))
            Answer(status, await reader.readexactly(length)).json()
            count += 1
        return count
    finally:
        writer.close()


def _read_head(head: bytes) -> tuple[int, int]:
    """Status and length of the body: our servers say it, or there is none."""
    status = int(head[9:12])
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return status, int(value)
    return status, 0
