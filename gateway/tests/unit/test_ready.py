"""Answers kept for strangers: for whom one is made anew."""

from starlette.types import Message, Receive, Scope, Send

from gateway.ready import Ready


async def test_answers_are_kept_by_the_language_and_not_by_how_it_is_asked_for() -> None:
    made: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        made.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    ready = Ready(app)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask(*languages: bytes) -> int:
        headers = [(b"accept-language", one) for one in languages]
        scope = {
            "type": "http", "method": "GET", "path": "/api/v1/movies", "query_string": b"",
            "headers": headers,
        }  # fmt: skip
        await ready(scope, receive, send)
        return len(made)

    assert await ask() == 1
    assert await ask(b"en") == 1
    assert await ask(b"EN;q=0.7") == 1
    assert await ask(b"nonsense 17") == 1
    assert await ask(b"pt-br, en") == 2
    assert await ask(b"pt-BR") == 2
    assert await ask(b"en", b"pt-BR") == 2
    assert [one["body"] for one in sent if "body" in one] == [b"page"] * 7
