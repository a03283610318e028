"""What a newcomer is told holds when it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import launcher.welcome
from launcher.state import State
from launcher.welcome import Welcome

NOT_YET = 2


class Suite:
    """Answers as the suite does whose recommender hears of the only movie a moment later."""

    def __init__(self) -> None:
        self.asked = 0
        self.knows_after = NOT_YET

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while request := await reader.readline():
            while await reader.readline() != b"\r\n":
                pass
            status, body = self._answer(request.decode())
            head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()

    def _answer(self, request: str) -> tuple[int, bytes]:
        if "/similar" not in request:
            return 200, json.dumps({"items": [{"movie_id": 7}]}).encode()
        self.asked += 1
        return (404 if self.asked <= self.knows_after else 200), b"{}"


@pytest.fixture
def suite() -> Suite:
    return Suite()


@pytest.fixture
async def url(suite: Suite) -> AsyncIterator[str]:
    server = await asyncio.start_server(suite.answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def welcome(url: str, tmp_path: Path) -> Welcome:
    state = State(tmp_path)
    state.prepare()
    accounts = {name: {"username": name, "password": "secret"} for name in ("admin", "demo")}
    state.write_json(state.credentials_path.name, accounts)
    return Welcome(url, state)


async def test_the_movie_to_rate_is_one_that_recommendations_can_count_in(
    suite: Suite, welcome: Welcome
):
    assert "/me/ratings/7" in await welcome.text()
    assert suite.asked == NOT_YET + 1


async def test_a_recommender_that_is_late_is_not_waited_for_longer_than_a_movie(
    suite: Suite, welcome: Welcome, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(launcher.welcome, "MOVIE_TIMEOUT_SECONDS", 2.0)
    suite.knows_after = 1000
    assert "/me/ratings/7" in await welcome.text()
    assert suite.asked
