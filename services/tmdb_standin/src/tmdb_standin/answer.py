"""An answer on its way out."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson

JSON_TYPE = "application/json;charset=utf-8"
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers; a long body comes in pieces instead."""

    status: int
    body: bytes
    headers: Headers
    pieces: AsyncIterator[bytes] | None = None


def json_answer(body: object, status: int = 200, headers: Headers = ()) -> Answer:
    """An answer in JSON."""
    return Answer(status, orjson.dumps(body), [("content-type", JSON_TYPE), *headers])
