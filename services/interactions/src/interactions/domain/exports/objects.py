"""JSON, an entry at a time: all of a file's values as objects would be thirty times as large."""

import json
import re
from collections.abc import Iterator
from typing import Any

from interactions.domain.exports.files import Document, UnreadableExport

_ENTRY = 1_000_000
_BLANKS = re.compile(r"[ \t\n\r]*")


def objects_of(document: Document) -> Iterator[tuple[str, Any]]:
    """Entries of a JSON file that is a list, or an object of lists; with what names them."""
    values = _Values(document.text)
    try:
        yield from _named(values) if values.takes("{") else _listed(values, document.base)
        values.expect("")
    except (ValueError, RecursionError) as error:
        raise UnreadableExport(f"{document.base} is not JSON that can be read") from error


def _named(values: "_Values") -> Iterator[tuple[str, Any]]:
    """Entries of every list of an object whose brace has been read."""
    if values.takes("}"):
        return
    while True:
        if not values.comes('"'):
            raise ValueError("no name")
        name = values.next()
        values.expect(":")
        if values.comes("["):
            yield from _listed(values, name)
        else:
            values.next()
        if values.takes("}"):
            return
        values.expect(",")


def _listed(values: "_Values", name: str) -> Iterator[tuple[str, Any]]:
    """Entries of one list."""
    values.expect("[")
    if values.takes("]"):
        return
    while True:
        yield name.lower(), values.next()
        if values.takes("]"):
            return
        values.expect(",")


class _Values:
    """Values of a JSON text, in order; one may be a million characters long."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()
        self._place = 0
        self._piece = ""
        self._piece_begins = 0

    def comes(self, character: str) -> bool:
        """Whether it is next, or at its end with ''."""
        self._place = _BLANKS.match(self._text, self._place).end()  # pyright: ignore[reportOptionalMemberAccess] - none matches too
        return self._text[self._place : self._place + 1] == character

    def takes(self, character: str) -> bool:
        """The same, and goes on behind it."""
        there = self.comes(character)
        self._place += there
        return there

    def expect(self, character: str) -> None:
        """Go on behind it, or ValueError."""
        if not self.takes(character):
            raise ValueError(f"no {character!r}")

    def next(self) -> Any:
        """The value that comes, or ValueError."""
        self.comes("")
        if self._place + _ENTRY > self._piece_begins + len(self._piece):
            self._piece_begins = self._place
            self._piece = self._text[self._place : self._place + 2 * _ENTRY]
        value, end = self._decoder.raw_decode(self._piece, self._place - self._piece_begins)
        self._place = self._piece_begins + end
        return value
