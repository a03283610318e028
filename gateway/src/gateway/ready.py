"""Ready answers: public pages as bytes, in front of everything that would make them again."""

import asyncio
from dataclasses import dataclass
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.cache import Recent
from gateway.languages import accepted_language

_PREFIXES: Final = (
    "/api/v1/genres",
    "/api/v1/movies",
    "/api/v1/people",
    "/api/v1/collections",
)
_NEVER: Final = ("/reviews",)
_ANSWERS = 5_000
_FRESH_SECONDS = 15.0
_LARGEST = 512 * 1024
_BYTES = 64 * 1024 * 1024

Key = tuple[str, bytes, str]


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    start: Message
    body: bytes
    etag: bytes
    route: str


class Ready:
    """Keeps public answers for strangers for some seconds, and makes each only once at a time.

    Whoever sends a token goes past it. Catalog events clear it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answers: Recent[Key, Answer] = Recent(_ANSWERS, _FRESH_SECONDS, _BYTES)
        self._making: dict[Key, asyncio.Task[Answer]] = {}

    def clear(self) -> None:
        """The catalogue has changed."""
        self._answers.clear()
        self._making.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _asked(scope)
        answer = None
        if asked is not None:
            answer = self._answers.get(asked.key) or await self._made(asked.key, scope)
        if asked is None or answer is None:
            await self._app(scope, receive, send)
            return
        scope["ready_route"] = answer.route
        await _reply(answer, asked.etags, send)

    async def _made(self, key: Key, scope: Scope) -> Answer | None:
        if task := self._making.get(key):
            answer = await asyncio.shield(task)
            return answer if answer.start["status"] == 200 else None
        task = asyncio.create_task(self._make(key, scope))
        self._making[key] = task
        return await asyncio.shield(task)

    async def _make(self, key: Key, scope: Scope) -> Answer:
        task = asyncio.current_task()
        recording = _Recording()
        inner = {**scope, "headers": [*scope["headers"]]}
        try:
            await self._app(inner, _no_body, recording.send)
        finally:
            current = self._making.get(key) is task
            if current:
                del self._making[key]
        answer = recording.answer(getattr(inner.get("route"), "path", ""))
        if current and answer.start["status"] == 200 and len(answer.body) <= _LARGEST:
            self._answers.put(key, answer, len(answer.body))
        return answer


class _Recording:
    """Takes an answer down instead of sending it."""

    def __init__(self) -> None:
        self._start: Message = {"type": "http.response.start", "status": 500, "headers": []}
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Take one message down."""
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._body += message.get("body", b"")

    def answer(self, route: str) -> Answer:
        """The answer, whole."""
        headers = dict(self._start["headers"])
        return Answer(self._start, bytes(self._body), headers.get(b"etag", b""), route)


class _Asked(NamedTuple):
    """What an answer is found by, and the ETags that the client has."""

    key: Key
    etags: bytes


def _asked(scope: Scope) -> _Asked | None:
    path: str = scope.get("path", "")
    if scope["type"] != "http" or scope["method"] != "GET" or not path.startswith(_PREFIXES):
        return None
    if path.endswith(_NEVER):
        return None
    accepted = etags = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            return None
        if name == b"accept-language" and accepted is None:
            accepted = value
        elif name == b"if-none-match" and etags is None:
            etags = value
    language = accepted_language((accepted or b"").decode("latin-1"))
    return _Asked((path, scope["query_string"], language), etags or b"")


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _reply(answer: Answer, etags: bytes, send: Send) -> None:
    if answer.etag and answer.etag in etags:
        headers = [pair for pair in answer.start["headers"] if pair[0] not in _OF_A_BODY]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send(answer.start)
    await send({"type": "http.response.body", "body": answer.body})


_OF_A_BODY = (b"content-length", b"content-type")
