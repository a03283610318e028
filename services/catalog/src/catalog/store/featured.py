"""The ready-made lists."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.tables.movies import featured_movie, movie

_LOCK_SPACE = 0x66656174


def ids_of(connection: Connection, list_name: str) -> list[int]:
    """Movies of a list in order, those we do not have (yet) included."""
    rows = connection.execute(
        sa.select(featured_movie.c.movie_id)
        .where(featured_movie.c.list_name == list_name)
        .order_by(featured_movie.c.position)
    )
    return list(rows.scalars())


def replace(connection: Connection, list_name: str, movie_ids: Sequence[int]) -> None:
    """Put a list in the place of the one before; of two runs at once, one after the other."""
    turn = sa.func.pg_advisory_xact_lock(_LOCK_SPACE, sa.func.hashtext(list_name))
    connection.execute(sa.select(turn))
    connection.execute(sa.delete(featured_movie).where(featured_movie.c.list_name == list_name))
    if movie_ids:
        connection.execute(
            sa.insert(featured_movie),
            [
                {"list_name": list_name, "position": position, "movie_id": movie_id}
                for position, movie_id in enumerate(movie_ids)
            ],
        )


def showable(connection: Connection, movie_ids: Sequence[int]) -> list[int]:
    """Those that are known, not removed and for everybody, in the order given."""
    rows = connection.execute(
        sa.select(movie.c.tmdb_id).where(
            movie.c.tmdb_id.in_(movie_ids), movie.c.removed_at.is_(None), movie.c.adult.is_(False)
        )
    )
    known = set(rows.scalars())
    return [movie_id for movie_id in movie_ids if movie_id in known]
