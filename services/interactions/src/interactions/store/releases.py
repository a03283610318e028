"""Movies on watchlists that have come out since they were put there."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row


def claim_released(
    connection: Connection, *, since: date, until: date, at: datetime, limit: int
) -> Sequence[Row[Any]]:
    """user_id, movie_id, title, release_date and version of some entries nobody was told of;
    from the commit on they have been."""
    parameters = {"since": since, "until": until, "at": at, "most": limit}
    return connection.execute(_CLAIM, parameters).all()


_CLAIM = sa.text("""
    with released as (
        select entry.user_id, entry.movie_id, movie.title, movie.release_date
        from known_movie as movie join watchlist_entry as entry using (movie_id)
        where movie.release_date between :since and :until and not movie.removed
          and entry.deleted_at is null and entry.released_told_at is null
          and entry.added_at < movie.release_date
        limit :most for update of entry skip locked
    )
    update watchlist_entry set released_told_at = :at
    from released
    where watchlist_entry.user_id = released.user_id
      and watchlist_entry.movie_id = released.movie_id
    returning released.*, watchlist_entry.version
""")
