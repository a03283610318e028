"""Erasing a person; the next model is trained without them."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from recommender.store import erasing
from recommender.store.popularity import recount_popularity


def forgetter(now: Callable[[], datetime]) -> Callable[[Connection, UUID], int]:
    """What deletes all that is a person's; movies are as popular as without them."""

    def forget(connection: Connection, user_id: UUID) -> int:
        deleted_count, movie_ids = erasing.forget(connection, user_id)
        recount_popularity(connection, movie_ids, now())
        return deleted_count

    return forget
