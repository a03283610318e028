"""How many requests are answered at once, and which of them count."""

import asyncio
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from gateway.activity import Recorder
from gateway.cache import Multiplexed
from gateway.edge import Edge


async def reading(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answers when the body is there."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Request:
    """A request whose body comes when it is told to."""

    def __init__(self, edge: Edge, path: str = "/api/v1/auth/register") -> None:
        self.pieces: asyncio.Queue[Message] = asyncio.Queue()
        self.status = 0
        scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [],
        }  # fmt: skip
        self.task = asyncio.create_task(edge(scope, self.pieces.get, self._sent))

    def send(self, *, more: bool = False) -> "Request":
        self.pieces.put_nowait({"type": "http.request", "body": b"x", "more_body": more})
        return self

    async def answered(self) -> int:
        await self.task
        return self.status

    async def _sent(self, message: Message) -> None:
        self.status = message.get("status", self.status)


def edge(app: Any, *, at_once: int) -> Edge:
    recorder = Recorder(Multiplexed("redis://127.0.0.1:1"), "test")
    return Edge(app, recorder, at_once)


async def settled() -> None:
    """Until every request waits for something."""
    for _turn in range(10):
        await asyncio.sleep(0)


async def test_who_sends_a_body_slowly_keeps_nobody_out() -> None:
    gateway = edge(reading, at_once=2)
    slow = [Request(gateway).send(more=True) for _ in range(100)]
    await settled()
    assert await Request(gateway).send().answered() == 200
    assert [await one.send().answered() for one in slow] == [200] * 100


async def test_more_than_are_answered_at_once_are_shed_but_for_the_question_of_life() -> None:
    doors = asyncio.Event()

    async def working(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/healthz":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            return
        await receive()
        await doors.wait()
        await reading(scope, receive, send)

    gateway = edge(working, at_once=2)
    inside = [Request(gateway).send().send() for _ in range(2)]
    await settled()
    assert await Request(gateway).send().answered() == 503
    assert await Request(gateway, "/healthz").answered() == 200
    doors.set()
    assert [await one.answered() for one in inside] == [200, 200]


async def test_head_of_an_answer_in_pieces_has_no_body_and_ends_once() -> None:
    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more in (True, True, False):
            await send({"type": "http.response.body", "body": b"piece", "more_body": more})

    scope = {
        "type": "http", "method": "HEAD", "path": "/", "query_string": b"", "headers": [],
    }  # fmt: skip
    sent: asyncio.Queue[Message] = asyncio.Queue()
    await edge(streaming, at_once=2)(scope, asyncio.Queue[Message]().get, sent.put)
    assert (await sent.get())["status"] == 200
    assert await sent.get() == {"type": "http.response.body", "body": b"", "more_body": False}
    assert sent.empty()
