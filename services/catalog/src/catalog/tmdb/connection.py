"""One connection: HTTP/1.1 as far as asking an API takes it, read by llhttp."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httptools

LARGEST_BODY = 16 * 1024 * 1024
_LARGEST_HEAD = 65_536
_FIRST_FINAL_STATUS = 200
_WITHOUT_BODY = (204, 304)


class NoAnswer(Exception):
    """The other side cannot be reached, left in the middle, or does not speak HTTP."""


class Left(NoAnswer):
    """A kept connection was closed before it brought anything: nobody's fault, ask again."""


class BodyTooLarge(Exception):
    """No server makes us hold more than a body may be."""

    def __init__(self, body: bytes) -> None:
        super().__init__("the body is too large")
        self.body = body


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it came; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """One request after the other."""

    _transport: asyncio.Transport
    _waiting: "asyncio.Future[Response]"

    def __init__(self, all_of_them: "set[Connection]") -> None:
        self._all = all_of_them
        self.is_open = False
        self.used_at = 0.0
        self._is_fresh = True
        self._is_asked = False
        self._begin()

    def _begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._head_size = 0
        self._is_read_to_its_end = False
        self._is_in_body = False

    async def ask(self, request: bytes) -> Response:
        """Send a request and wait for its answer; no other may be under way."""
        if not self.is_open:
            raise NoAnswer("closed as soon as it was open")
        self._all.add(self)
        self._begin()
        self._waiting = asyncio.get_running_loop().create_future()
        self._is_asked = True
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            self._is_fresh = False
            if self._is_asked:  # given up: what comes now would be taken for the next answer
                self.close()

    def close(self) -> None:
        """Close it at once."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: it is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Asyncio: something came."""
        if not self._is_asked:
            self.close()  # nobody asked
            return
        if not self._is_in_body:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeError) as error:
            self._fail(NoAnswer(f"this is no HTTP: {error}"))
        else:
            self._look_at_size()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the other side is gone."""
        self.is_open = False
        self._all.discard(self)
        if not self._is_asked:
            return
        if self._is_read_to_its_end and exc is None:
            self._answer()
        elif self._is_fresh or self._head_size:
            told = f": {type(exc).__name__}: {exc}" if exc else ""
            self._fail(NoAnswer(f"the answer ends before its end{told}"))
        else:
            self._fail(Left("closed before it answered"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Llhttp: a header."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """Llhttp: all of them."""
        self._is_in_body = True
        self._is_read_to_its_end = (
            "content-length" not in self._headers
            and "transfer-encoding" not in self._headers
            and self._parser.get_status_code() not in _WITHOUT_BODY
        )

    def on_body(self, body: bytes) -> None:
        """Llhttp: a piece."""
        self._body += body

    def on_message_complete(self) -> None:
        """Llhttp: an answer, or an announcement of one."""
        if self._parser.get_status_code() < _FIRST_FINAL_STATUS:
            self._begin()
        elif self._is_asked:
            self.is_open = self._parser.should_keep_alive()
            self._answer()
        else:
            self.close()  # a second answer to one request

    def _look_at_size(self) -> None:
        if not self._is_asked:
            return
        if self._head_size > _LARGEST_HEAD and not self._is_in_body:
            self._fail(NoAnswer("headers without an end"))
        elif len(self._body) > LARGEST_BODY:
            self._fail(BodyTooLarge(bytes(self._body)))

    def _answer(self) -> None:
        status = self._parser.get_status_code()
        self._settle(Response(status, self._headers, bytes(self._body)))
        if not self.is_open:
            self._transport.abort()

    def _fail(self, error: Exception) -> None:
        self._settle(error)
        self.close()

    def _settle(self, outcome: Response | Exception) -> None:
        self._is_asked = False
        if self._waiting.done():
            return  # given up in the meantime
        if isinstance(outcome, Response):
            self._waiting.set_result(outcome)
        else:
            self._waiting.set_exception(outcome)
