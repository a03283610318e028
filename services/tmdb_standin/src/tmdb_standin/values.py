"""Numbers and dates as they stand in paths and queries."""

from datetime import date

from tmdb_standin.errors import invalid_date

_LONGEST = 19
"""Digits of the largest id there could be."""


def whole(text: str) -> int | None:
    """The number that a text of digits tells, unless it is no such text or far too long."""
    return int(text) if len(text) <= _LONGEST and text.isascii() and text.isdecimal() else None


def day_of(text: str) -> date:
    """A YYYY-MM-DD date, or TMDb's refusal; other forms of ISO 8601 are none."""
    if len(text) != 10 or text[4] + text[7] != "--":
        raise invalid_date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise invalid_date() from error
