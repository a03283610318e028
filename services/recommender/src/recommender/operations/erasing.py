"""Erasing a person; the next model is trained without them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.erasure.traces import Rewriter
from marquee.interactions.v1 import events_pb2 as interactions
from recommender.store import erasing
from recommender.store.popularity import recount_popularity


def forgetter(now: Callable[[], datetime]) -> Callable[[Connection, UUID], int]:
    """What deletes all that is a person's; movies are as popular as without them."""

    def forget(connection: Connection, user_id: UUID) -> int:
        deleted_count, movie_ids = erasing.forget(connection, user_id)
        recount_popularity(connection, movie_ids, now())
        return deleted_count

    return forget


def imported_without(payload: bytes, user_id: UUID) -> bytes | None:
    """A batch of several people's ratings without this person's; None when none are left."""
    message = interactions.RatingsImported.FromString(payload)
    kept = [one for one in message.ratings if one.user_id != str(user_id)]
    return interactions.RatingsImported(ratings=kept).SerializeToString() if kept else None


REWRITERS: Mapping[str, Rewriter] = {
    interactions.RatingsImported.DESCRIPTOR.full_name: imported_without,
}
"""For dead letters: of a batch that could not be taken in, others' part stays."""
