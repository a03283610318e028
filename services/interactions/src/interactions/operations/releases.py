"""Telling people that a movie of their watchlist has come out."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Connection

from chassis.outbox import Fact, publish
from interactions.messages import timestamp
from interactions.store import releases
from interactions.store.entries import STREAM
from marquee.interactions.v1 import events_pb2 as events

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
    facts: list[Fact] = []
    for row in rows:
        message = events.WatchlistMovieReleased(
            user_id=str(row.user_id),
            movie_id=row.movie_id,
            title=row.title,
            release_date=row.release_date.isoformat(),
            noticed_at=timestamp(at),
        )
        facts.append(
            Fact(
                type=message.DESCRIPTOR.full_name,
                aggregate_id=f"{row.user_id}:{row.movie_id}:release",
                aggregate_version=row.version,
                payload=message.SerializeToString(),
                actor=str(row.user_id),
                occurred_at=at,
            )
        )
    publish(connection, STREAM, facts)
    return len(rows)
