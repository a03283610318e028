"""The replica of the catalogue: ids, titles, genres. Never deleted, for people point at them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.engine import Connection

from interactions.domain.entries import Movie
from interactions.tables import known_movie


def replace_movies(
    connection: Connection, movies: Sequence[Movie], *, changed_at: datetime
) -> None:
    """Keep what the catalogue says now; what is older than what is here changes nothing."""
    rows = [
        {
            "movie_id": movie.movie_id,
            "title": movie.title,
            "genre_ids": list(movie.genre_ids),
            "release_date": movie.release_date,
            "removed": False,
            "version": movie.version,
            "changed_at": changed_at,
        }
        for movie in _last_of_each(movies)
    ]
    if rows:
        connection.execute(_REPLACE.values(rows))


def learn_movie(connection: Connection, movie: Movie, *, at: datetime) -> None:
    """Keep a movie asked for before its event came; the event, when it comes, wins."""
    statement = insert(known_movie).on_conflict_do_nothing(index_elements=["movie_id"])
    connection.execute(
        statement.values(
            movie_id=movie.movie_id,
            title=movie.title,
            genre_ids=list(movie.genre_ids),
            release_date=movie.release_date,
            changed_at=at,
        )
    )


def remove_movies(
    connection: Connection, movie_ids: Sequence[int], *, removed_at: datetime
) -> None:
    """Mark movies that left the catalogue, unless they have come back since; also one that was
    not known here, for what was said of it before may yet come."""
    gone = {"title": "", "removed": True, "changed_at": removed_at}
    rows = [{"movie_id": movie_id, **gone} for movie_id in sorted(set(movie_ids))]
    if rows:
        connection.execute(_REMOVE.values(rows))


def is_removed(connection: Connection, movie_id: int) -> bool | None:
    """Whether a movie has left the catalogue; None when it is not known here."""
    statement = sa.select(known_movie.c.removed).where(known_movie.c.movie_id == movie_id)
    return connection.execute(statement).scalar_one_or_none()


def known_ids(connection: Connection, movie_ids: Sequence[int]) -> set[int]:
    """Those of the ids that can be rated."""
    statement = sa.select(known_movie.c.movie_id).where(
        known_movie.c.movie_id.in_(movie_ids), sa.not_(known_movie.c.removed)
    )
    return set(connection.execute(statement).scalars())


def all_ids(connection: Connection, movie_ids: Sequence[int]) -> set[int]:
    """Those of the ids that are known here, removed or not."""
    statement = sa.select(known_movie.c.movie_id).where(known_movie.c.movie_id.in_(movie_ids))
    return set(connection.execute(statement).scalars())


def _last_of_each(movies: Sequence[Movie]) -> list[Movie]:
    """One a movie, by id: two that write the same movies take their locks in the same order."""
    found = {movie.movie_id: movie for movie in sorted(movies, key=lambda one: one.version)}
    return [found[movie_id] for movie_id in sorted(found)]


def _replace_statement() -> Insert:
    statement = insert(known_movie)
    given = statement.excluded
    names = ("title", "genre_ids", "release_date", "removed", "version", "changed_at")
    came_back = sa.and_(known_movie.c.removed, known_movie.c.changed_at < given.changed_at)
    return statement.on_conflict_do_update(
        index_elements=[known_movie.c.movie_id],
        set_={**{name: given[name] for name in names}, "updated_at": sa.func.now()},
        where=sa.or_(
            came_back,
            sa.and_(sa.not_(known_movie.c.removed), known_movie.c.version < given.version),
        ),
    )


def _remove_statement() -> Insert:
    statement = insert(known_movie)
    given = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[known_movie.c.movie_id],
        set_={
            "removed": given.removed,
            "changed_at": given.changed_at,
            "updated_at": sa.func.now(),
        },
        where=sa.and_(sa.not_(known_movie.c.removed), known_movie.c.changed_at <= given.changed_at),
    )


_REPLACE = _replace_statement()
_REMOVE = _remove_statement()
