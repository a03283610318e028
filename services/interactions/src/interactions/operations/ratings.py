"""Ratings in bulk: written with their own times, told as one fact."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from chassis.outbox import publish
from interactions.domain.ratings import ImportedRating, numbered
from interactions.messages import facts
from interactions.store import movies
from interactions.store import ratings as stored
from interactions.store.entries import STREAM


@dataclass(frozen=True)
class ImportedCounts:
    """What became of a batch."""

    created_count: int
    updated_count: int
    unchanged_count: int
    unknown_movie_ids: list[int]


def import_ratings(
    connection: Connection, ratings: Sequence[ImportedRating], *, at: datetime
) -> ImportedCounts:
    """Keep ratings of any people with their own times; the same batch again changes nothing."""
    known = movies.known_ids(connection, sorted({rating.movie_id for rating in ratings}))
    kept = [rating for rating in ratings if rating.movie_id in known]
    sequences = stored.locked_sequences(connection, {rating.user_id for rating in kept})
    fresh = numbered(kept, stored.ratings_before(connection, kept), sequences)
    if fresh:
        stored.keep_ratings(connection, fresh)
        publish(connection, STREAM, [facts.ratings_imported(fresh, at)])
    created = sum(1 for rating in fresh if not rating.previous_rating)
    return ImportedCounts(
        created_count=created,
        updated_count=len(fresh) - created,
        unchanged_count=len(kept) - len(fresh),
        unknown_movie_ids=sorted({rating.movie_id for rating in ratings} - known),
    )
