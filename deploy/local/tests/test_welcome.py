"""What a newcomer is told holds when it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from launcher.state import State
from launcher.welcome import Welcome

NOT_YET = 2


class Suite:
    """Answers as the suite does whose recommender hears of the only movie a moment later."""

    def __init__(self) -> None:
        self.asked = 0

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
        return (404 if self.asked <= NOT_YET else 200), b"{}"


@pytest.fixture
def suite() -> Suite:
    return Suite()


@pytest.fixture
async def url(suite: Suite) -> AsyncIterator[str]:
    server = await asyncio.start_server(suite.answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_movie_to_rate_is_one_that_recommendations_can_count_in(
    suite: Suite, url: str, tmp_path: Path
):
    state = State(tmp_path)
    state.prepare()
    accounts = {name: {"username": name, "password": "secret"} for name in ("admin", "demo")}
    state.write_json(state.credentials_path.name, accounts)
    text = await Welcome(url, state).text()
    assert "/me/ratings/7" in text
    assert suite.asked == NOT_YET + 1
