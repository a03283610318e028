"""One document of everything, written out as it is collected, so that it never stands in memory."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson

Fetch = Callable[[str], Awaitable[Any]]
"""Asks a service for the page of this token."""


async def document(
    user_id: str, first: dict[str, Any], fetch: dict[str, Fetch]
) -> AsyncGenerator[bytes]:
    """`{"user_id", "exported_at", "<service>": {"<section>": [records]}}`.

    `first` are the services' first pages: whoever is away is known of before anything is sent.
    """
    head = {"user_id": user_id, "exported_at": datetime.now(UTC).isoformat()}
    yield orjson.dumps(head)[:-1]
    for service, page in first.items():
        yield b"," + orjson.dumps(service) + b":{"
        async for piece in _sections(page, fetch[service]):
            yield piece
        yield b"}"
    yield b"}"


async def _sections(page: Any, fetch: Fetch) -> AsyncGenerator[bytes]:
    """A service's pages as one object; records of a section may come in several pages."""
    open_section = ""
    empty = True
    while True:
        sections: dict[str, list[Any]] = orjson.loads(page.document_json)
        for name, records in sections.items():
            if name != open_section:
                closing = b"]," if open_section else b""
                yield closing + orjson.dumps(name) + b":["
                open_section, empty = name, True
            if records:
                yield (b"" if empty else b",") + orjson.dumps(records)[1:-1]
                empty = False
        if not page.next_page_token:
            break
        page = await fetch(page.next_page_token)
    yield b"]" if open_section else b""
