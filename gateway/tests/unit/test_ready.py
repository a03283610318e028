"""Answers kept for strangers: for whom one is made anew."""

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.ready import Ready


class Strangers:
    """Ask for pages of 100 bytes."""

    def __init__(self) -> None:
        self.made = 0
        self.bodies: list[bytes] = []
        self._ready = Ready(self._make)

    async def ask(self, *languages: str, query: str = "") -> int:
        """How many pages have been made when this one is answered."""
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v1/movies",
            "query_string": query.encode(),
            "headers": [(b"accept-language", one.encode()) for one in languages],
        }
        await self._ready(scope, self._receive, self._send)
        return self.made

    async def _make(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.made += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page" * 25})

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Message) -> None:
        if "body" in message:
            self.bodies.append(message["body"])


async def test_answers_are_kept_by_the_language_and_not_by_how_it_is_asked_for() -> None:
    strangers = Strangers()
    assert await strangers.ask() == 1
    assert await strangers.ask("en") == 1
    assert await strangers.ask("EN;q=0.7") == 1
    assert await strangers.ask("nonsense 17") == 1
    assert await strangers.ask("pt-br, en") == 2
    assert await strangers.ask("pt-BR") == 2
    assert await strangers.ask("en", "pt-BR") == 2
    assert strangers.bodies == [b"page" * 25] * 7


async def test_answers_are_kept_as_far_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ready._BYTES", 250)
    strangers = Strangers()
    assert [await strangers.ask(query=f"page={one}") for one in range(3)] == [1, 2, 3]
    assert [await strangers.ask(query=f"page={one}") for one in (2, 1)] == [3, 3]
    assert await strangers.ask(query="page=0") == 4
