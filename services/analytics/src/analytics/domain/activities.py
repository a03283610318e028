"""Activity: what was observed, what a client may claim, and what is kept of it."""

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from chassis.errors import Invalid

ACTIVITY_TYPES = (
    "login",
    "logout",
    "view_movie",
    "rate_movie",
    "add_favorite",
    "remove_favorite",
    "add_watchlist",
    "remove_watchlist",
    "search",
    "view_recommendations",
    "click_recommendation",
)

EVENTS_AT_ONCE = 100
EVENT_ID_LENGTH = 100
METADATA_BYTES = 4096
OLDEST = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)

_KNOWN_TYPES = frozenset(ACTIVITY_TYPES)
_DEPTH = 32
_LARGEST_MOVIE_ID = 2**53 - 1


# Both are made for every row that is ingested; a named tuple costs a quarter of a frozen dataclass.
class Observation(NamedTuple):
    """Something a person did, as it was told to us; nothing of it is stored yet."""

    name: str
    """Unique text: told again under the same name, it counts once."""
    user_id: UUID
    activity_type: str
    occurred_at: datetime
    movie_id: int | None = None
    metadata: str = "{}"
    """JSON object."""
    address: str = ""
    agent: str = ""


class Activity(NamedTuple):
    """An observation as far as its person consents: theirs by user_id, or only by pseudonym."""

    received_at: datetime
    activity_id: UUID
    user_id: UUID | None
    pseudonym: UUID | None
    activity_type: str
    movie_id: int | None
    metadata: str
    address: str | None
    agent: str | None
    occurred_at: datetime

    @property
    def actor(self) -> UUID:
        """Who is counted."""
        actor = self.user_id or self.pseudonym
        if actor is None:
            raise ValueError("an activity is somebody's")
        return actor


def not_after(observations: Sequence[Observation], at: datetime) -> Sequence[Observation]:
    """Nothing is done after it is received: a sender's clock may be fast, ours then counts."""
    return [one if one.occurred_at <= at else one._replace(occurred_at=at) for one in observations]


def checked_activity_type(activity_type: str, *, field: str) -> str:
    """One of the types, or Invalid."""
    if activity_type not in _KNOWN_TYPES:
        raise Invalid(f"must be one of {', '.join(ACTIVITY_TYPES)}", field=field)
    return activity_type


def checked_movie_id(movie_id: int, *, field: str) -> int | None:
    """A TMDb id; 0 is none."""
    if not 0 <= movie_id <= _LARGEST_MOVIE_ID:
        raise Invalid("is not a movie's id", field=field)
    return movie_id or None


def checked_occurred_at(occurred_at: datetime, now: datetime, *, field: str) -> datetime:
    """A moment of the last 30 days; a client's clock may be a little fast, ours then counts."""
    if occurred_at > now + CLOCK_SKEW:
        raise Invalid("must not be in the future", field=field)
    if occurred_at < now - OLDEST:
        raise Invalid(f"must not be older than {OLDEST.days} days", field=field)
    return min(occurred_at, now)


@lru_cache(maxsize=1024)
def checked_metadata(text: str, *, field: str) -> str:
    """A JSON object that PostgreSQL can hold, written anew; empty text is the empty object."""
    try:
        document = json.loads(text or "{}", parse_constant=_refuse_constant)
        if not isinstance(document, dict):
            raise Invalid("must be a JSON object", field=field)
        _check_value(document, depth=1)
        written = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise Invalid("is not a JSON object that can be kept", field=field) from error
    return written


def plain_metadata(text: str, *, field: str) -> str:
    """A JSON object of our own making: that it is JSON, PostgreSQL will find."""
    if text and not text.startswith("{"):
        raise Invalid("must be a JSON object", field=field)
    return text or "{}"


def checked_size(text: str, *, field: str) -> str:
    """At most 4 KiB, as it was sent."""
    if len(text.encode()) > METADATA_BYTES:
        raise Invalid(f"must be at most {METADATA_BYTES} bytes", field=field)
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_value(value: Any, depth: int) -> None:
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for key, held in value.items():
            _check_value(key, depth)
            _check_value(held, depth + 1)
    elif isinstance(value, list):
        for held in value:
            _check_value(held, depth + 1)
    else:
        _check_plain(value)


def _check_plain(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("NUL")
        value.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number too large")
