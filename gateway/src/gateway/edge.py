"""The outermost layer: request ids, body limits, shedding, usage and the last line of defence."""

import re
import secrets
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.logs import request_id
from gateway.activity import Recorder
from gateway.limits import LIMITED, body_limit
from gateway.problems import MEDIA_TYPE, ProblemError, body

_SANE_REQUEST_ID = re.compile(rb"^[A-Za-z0-9._\-]{8,128}$")
_SAMPLE: Final = 50
_SLOW_SECONDS: Final = 1.0
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)
_DENIED_HEADERS: Final = (b"x-user-",)
_LASTING: Final = "/api/v1/me/stream"
_LIVENESS: Final = "/healthz"
_OVERLOADED: Final = ("OVERLOADED", "Too much to do right now; try again in a second.")

requests = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
seconds = Histogram("http_seconds", "Time to answer a request", ["method", "route"])
log = structlog.get_logger()


class Edge:
    """Wraps the whole application; pure ASGI, for it runs on every request."""

    def __init__(self, app: ASGIApp, recorder: Recorder, concurrent_requests: int) -> None:
        self._app = app
        self._recorder = recorder
        self._limit = concurrent_requests
        self._running = 0
        self._served = 0
        self.draining = False
        """Whether the process has been told to stop."""
        self.on_draining: Callable[[], None] = _nothing
        """What ends what would stay open otherwise."""

    def drain(self) -> None:
        """The process has been told to stop."""
        self.draining = True
        self.on_draining()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lasting = scope["path"] == _LASTING
        exchange = _Exchange(scope, receive if lasting else self._uncounted(receive), send)
        token = request_id.set(exchange.request_id)
        self._running += not exchange.lasting
        try:
            await self._answer(exchange)
        finally:
            self._running -= not exchange.lasting
            self._finished(exchange)
            request_id.reset(token)

    async def _answer(self, exchange: "_Exchange") -> None:
        if refusal := self._refusal(exchange):
            await exchange.refuse(*refusal)
            return
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("request failed", method=exchange.method, path=exchange.path)
            await exchange.refuse(500, "INTERNAL", "Something went wrong on our side.")

    def _uncounted(self, receive: Receive) -> Receive:
        """Who sends a body slowly takes nobody's turn meanwhile."""
        whole = False

        async def next_piece() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            self._running -= 1
            try:
                message = await receive()
            finally:
                self._running += 1
            whole = not message.get("more_body", False)
            if self._running > self._limit:
                raise ProblemError(503, *_OVERLOADED)
            return message

        return next_piece

    def _refusal(self, exchange: "_Exchange") -> tuple[int, str, str] | None:
        # Whether the process lives is answered always: who is told no sends nobody here any more.
        if self._running > self._limit and exchange.path != _LIVENESS:
            return 503, *_OVERLOADED
        if b"%00" in exchange.scope["query_string"] or "\x00" in exchange.path:
            return 422, "INVALID", "The address must not hold a NUL character."
        if exchange.announced_bytes > exchange.body_limit:
            return 413, "CONTENT_TOO_LARGE", exchange.too_large
        return None

    def _finished(self, exchange: "_Exchange") -> None:
        elapsed = (
            (exchange.lasting and exchange.answered) or time.perf_counter()
        ) - exchange.started
        route = _route(exchange.scope)
        count, observe = _meters(exchange.method, route, exchange.status)
        count()
        observe(elapsed)
        self._recorder.served(
            exchange.method, route, exchange.status, exchange.header(b"user-agent"), elapsed
        )
        self._served += 1
        if exchange.status >= 500 or elapsed > _SLOW_SECONDS or self._served % _SAMPLE == 0:
            log.info(
                "request answered",
                method=exchange.method,
                route=route,
                status=exchange.status,
                milliseconds=round(elapsed * 1000, 1),
            )


@lru_cache(4096)
def _meters(
    method: str, route: str, status: int
) -> tuple[Callable[[], None], Callable[[float], None]]:
    """What counts one more and notes its seconds: to find them costs more than to use them."""
    return requests.labels(method, route, status).inc, seconds.labels(method, route).observe


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", "") or scope.get("ready_route", "other")


def _nothing() -> None:
    return


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = time.perf_counter()
        headers = [pair for pair in scope["headers"] if not pair[0].startswith(_DENIED_HEADERS)]
        self._headers = dict(reversed(headers))
        self.scope: dict[str, Any] = {**scope, "headers": headers}
        self._head = scope["method"] == "HEAD"
        if self._head:
            self.scope["method"] = "GET"
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.body_limit = body_limit(self.method, self.path)
        self.status = 0
        self.lasting = self.path == _LASTING
        """It stays open as long as somebody listens, and hardly works."""
        self.answered = 0.0
        self.request_id = self._identified()
        self._receive = receive
        self._send = send
        self._received = 0
        self._ended = False

    def header(self, name: bytes) -> str:
        """A request header, the first of its name, or the empty string."""
        return self._headers.get(name, b"").decode("latin-1")

    @property
    def too_large(self) -> str:
        """What is said of a larger body."""
        return f"The body is larger than {self.body_limit // 1024} KiB."

    @property
    def announced_bytes(self) -> int:
        """Content-Length, if it is a number."""
        announced = self._headers.get(b"content-length", b"")
        return int(announced) if announced.isdigit() and len(announced) < 19 else 0

    async def receive(self) -> Message:
        """The next piece of the body, counted as it arrives."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self.body_limit:
                raise ProblemError(413, "CONTENT_TOO_LARGE", self.too_large)
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the headers that all have."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered = time.perf_counter()
            named = (b"x-request-id", self.request_id.encode())
            message = {
                **message,
                "headers": [
                    *message.get("headers", ()),
                    *self.scope.get(LIMITED, ()),
                    named,
                    *_SECURITY_HEADERS,
                ],
            }
        elif self._head and message["type"] == "http.response.body":
            if self._ended:
                return
            self._ended = True
            message = {**message, "body": b"", "more_body": False}
        await self._send(message)

    async def refuse(self, status: int, reason: str, detail: str) -> None:
        """Answer with a problem, unless an answer has begun."""
        if self.status:
            return
        document = body(status, reason, detail, self.path, {})
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(document)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": document})

    def _identified(self) -> str:
        given = self._headers.get(b"x-request-id", b"")
        return given.decode() if _SANE_REQUEST_ID.match(given) else secrets.token_hex(16)
