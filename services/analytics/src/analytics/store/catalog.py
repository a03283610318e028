"""Which movies the catalogue has: a replica of ids."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from analytics.tables import catalog_movie

_KEEP = sa.text(
    """
    insert into catalog_movie as known (movie_id, removed, changed_at)
    select * from unnest(:movie_ids, :removed, :changed_at)
    on conflict (movie_id) do update
        set removed = excluded.removed, changed_at = excluded.changed_at, updated_at = now()
        where known.changed_at < excluded.changed_at
    """
).bindparams(
    sa.bindparam("movie_ids", type_=sa.ARRAY(sa.BigInteger)),
    sa.bindparam("removed", type_=sa.ARRAY(sa.Boolean)),
    sa.bindparam("changed_at", type_=sa.ARRAY(sa.DateTime(timezone=True))),
)


def keep_movies(connection: Connection, states: Mapping[int, tuple[datetime, bool]]) -> None:
    """When each movie changed, and whether it was removed then; what is older changes nothing."""
    if not states:
        return
    movie_ids = sorted(states)  # in one order for everybody
    parameters = {
        "movie_ids": movie_ids,
        "removed": [states[movie_id][1] for movie_id in movie_ids],
        "changed_at": [states[movie_id][0] for movie_id in movie_ids],
    }
    connection.execute(_KEEP, parameters)


def movies_count(connection: Connection) -> int:
    """How many movies the catalogue has."""
    present = sa.select(sa.func.count()).where(sa.not_(catalog_movie.c.removed))
    return connection.execute(present).scalar_one()
