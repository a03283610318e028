"""The way to TMDb: over kept connections, or through httpx where the environment names a proxy."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from catalog.tmdb.connection import LARGEST_BODY, BodyTooLarge, Connection, NoAnswer, Response

_CONNECT_SECONDS = 5.0
_KEPT_SECONDS = 15.0
"""What was idle for longer may be dead without anybody having been told."""
_PORTS = {"http": 80, "https": 443}


class Transport(Protocol):
    """Who carries a request there and the answer back."""

    async def get(self, target: str) -> Response:
        """The answer of a path with its query; NoAnswer, TimeoutError or BodyTooLarge."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


def transport(url: str, headers: Mapping[str, str], timeout_seconds: float) -> Transport:
    """The way to a server; paths are asked below the URL's."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if proxy is None or proxy_bypass(parts.hostname or ""):
        return Direct(url, headers, timeout_seconds)
    return Proxied(url, headers, timeout_seconds, proxy)


class Direct:
    """Connections of our own, used again and again; as many as there are requests at once."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = _tls() if parts.scheme == "https" else None
        self._path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~").encode()
        told = {"host": parts.netloc.rpartition("@")[2], **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._head = f" HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        self._timeout_seconds = timeout_seconds
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()

    async def get(self, target: str) -> Response:
        """See Transport."""
        async with asyncio.timeout(self._timeout_seconds):
            connection = self._kept() or await self._opened()
            response = await connection.ask(b"GET " + self._path + target.encode() + self._head)
        if connection.is_open:
            connection.used_at = time.monotonic()
            self._idle.append(connection)
        return response

    async def close(self) -> None:
        """See Transport."""
        self._idle.clear()
        while self._all:  # the loop may be closed when they are
            for connection in self._all:
                connection.close()
            await asyncio.sleep(0)

    def _kept(self) -> "Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and time.monotonic() - connection.used_at < _KEPT_SECONDS:
                return connection
            connection.close()
        return None

    async def _opened(self) -> "Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._all), self._host, self._port, ssl=self._tls
                )
        except (OSError, UnicodeError) as error:
            raise NoAnswer(f"cannot connect: {type(error).__name__}: {error}") from error
        return connection


class Proxied:
    """Through the proxy that the environment names."""

    def __init__(
        self, url: str, headers: Mapping[str, str], timeout_seconds: float, proxy: str
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._http = httpx.AsyncClient(
            headers=dict(headers),
            timeout=httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
            proxy=proxy,
            verify=_tls(),
            trust_env=False,
        )

    async def get(self, target: str) -> Response:
        """See Transport."""
        body = bytearray()
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._http.stream("GET", self._url + target) as response,
            ):
                async for piece in response.aiter_raw():
                    body += piece
                    if len(body) > LARGEST_BODY:
                        raise BodyTooLarge(bytes(body))
        except httpx.TransportError as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        return Response(response.status_code, response.headers, bytes(body))

    async def close(self) -> None:
        """See Transport."""
        await self._http.aclose()


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
