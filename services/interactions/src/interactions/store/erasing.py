"""Taking a person out of every table."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from interactions.domain.counts import MovieCounts
from interactions.tables import (
    favorite,
    hidden_movie,
    movie_import,
    movie_list,
    rating,
    user_access,
    user_sequence,
    watchlist_entry,
)


def forget(connection: Connection, user_id: UUID) -> tuple[int, dict[int, MovieCounts]]:
    """Delete a person's rows: how many there were, and what each movie's counts lose by it."""
    lost: defaultdict[int, MovieCounts] = defaultdict(MovieCounts)
    deleted = 0
    for row in _deleted(connection, rating, user_id, rating.c.rating, rating.c.review != ""):
        deleted += 1
        if row.deleted_at is None:
            lost[row.movie_id] += MovieCounts(
                ratings_count=-1, ratings_sum=-row.rating, reviews_count=-int(row[-1])
            )
    for table, one in (
        (favorite, MovieCounts(favorites_count=-1)),
        (watchlist_entry, MovieCounts(watchlist_count=-1)),
    ):
        for row in _deleted(connection, table, user_id):
            deleted += 1
            if row.deleted_at is None:
                lost[row.movie_id] += one
    for table in (hidden_movie, movie_list, movie_import, user_sequence, user_access):
        statement = sa.delete(table).where(table.c.user_id == user_id)
        deleted += connection.execute(statement).rowcount
    return deleted, lost


def _deleted(
    connection: Connection, table: sa.Table, user_id: UUID, *more: sa.ColumnElement[Any]
) -> list[sa.Row[*tuple[Any, ...]]]:
    statement = sa.delete(table).where(table.c.user_id == user_id)
    return list(
        connection.execute(statement.returning(table.c.movie_id, table.c.deleted_at, *more))
    )
