"""Telling people that a movie of their watchlist has come out."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Connection

from chassis.outbox import publish
from interactions.messages import facts
from interactions.store import releases
from interactions.store.entries import STREAM

AT_ONCE = 500
_WORTH_TELLING = timedelta(days=7)


def tell_released(connection: Connection, *, at: datetime) -> int:
    """Tell some of those who were not told yet, each once; answers how many.

    A date that passed more than a week ago is no news, whenever we learnt it.
    """
    today = at.astimezone(UTC).date()
    rows = releases.claim_released(
        connection, since=today - _WORTH_TELLING, until=today, at=at, limit=AT_ONCE
    )
    publish(connection, STREAM, [facts.watchlist_movie_released(row, at) for row in rows])
    return len(rows)
