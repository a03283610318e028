"""The replica of the catalogue: what filters and likeness need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from recommender.domain import Movie
from recommender.ranking.arrays import Ints
from recommender.tables import genre, movie_feature

_CHUNK = 20_000
# Stands between terms where they are joined: no term holds a control character.
_BREAK = "\x1f"
_HORIZON = sa.text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_TRANSACTION = sa.text("pg_current_xact_id()::text::bigint")
_TITLES_OF = sa.select(movie_feature.c.movie_id, movie_feature.c.title).where(
    movie_feature.c.movie_id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.BigInteger)))
)


class MovieRow(NamedTuple):
    """What filtering asks of a movie."""

    movie_id: int
    release_day: int | None
    original_language: str
    genre_ids: Sequence[int]
    vote_average: float
    vote_count: int
    runtime_minutes: int
    adult: bool
    removed: bool
    popularity: float


def keep_movies(connection: Connection, movies: Iterable[Movie]) -> None:
    """Store movies as they are now; an older version than is there changes nothing."""
    newest: dict[int, Movie] = {}
    for movie in sorted(movies, key=lambda one: one.version):
        newest[movie.movie_id] = movie
    if not newest:
        return
    rows = [_row(newest[movie_id]) for movie_id in sorted(newest)]
    statement = insert(movie_feature).values(rows)
    fresh = {name: statement.excluded[name] for name in rows[0] if name != "movie_id"}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["movie_id"],
            set_={**fresh, "removed": sa.false(), **_touched()},
            where=movie_feature.c.version < statement.excluded.version,
        )
    )


def _row(movie: Movie) -> dict[str, Any]:
    values = asdict(movie)
    lists = ("genre_ids", "keyword_ids", "person_ids", "terms")
    return {**values, **{name: list(values[name]) for name in lists}}


def _touched() -> dict[str, Any]:
    return {"changed_in": _TRANSACTION, "updated_at": sa.func.now()}


def remove_movies(connection: Connection, movie_ids: Sequence[int]) -> None:
    """Take movies out of every later list."""
    connection.execute(
        sa.update(movie_feature)
        .where(movie_feature.c.movie_id.in_(sorted(movie_ids)), ~movie_feature.c.removed)
        .values(removed=True, **_touched())
    )


def keep_genres(connection: Connection, names: Mapping[int, str]) -> None:
    """Store the names of genres."""
    if not names:
        return
    rows = [{"genre_id": genre_id, "name": name} for genre_id, name in sorted(names.items())]
    statement = insert(genre).values(rows)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["genre_id"],
            set_={"name": statement.excluded.name, "updated_at": sa.func.now()},
        )
    )


def genre_names(connection: Connection) -> dict[int, str]:
    """All genres."""
    rows = connection.execute(sa.select(genre.c.genre_id, genre.c.name))
    return {row.genre_id: row.name for row in rows}


def titles_of(connection: Connection, movie_ids: Iterable[int]) -> dict[int, str]:
    """Titles by movie id, of those known."""
    asked = list(set(movie_ids))
    if not asked:
        return {}
    return {row.movie_id: row.title for row in connection.execute(_TITLES_OF, {"ids": asked})}


def movies_with(
    connection: Connection, person_ids: Sequence[int], keyword_ids: Sequence[int]
) -> Ints:
    """Ids of the movies with all of these people and all of these keywords, ascending."""
    statement = sa.select(movie_feature.c.movie_id).order_by(movie_feature.c.movie_id)
    if person_ids:
        statement = statement.where(movie_feature.c.person_ids.contains(list(person_ids)))
    if keyword_ids:
        statement = statement.where(movie_feature.c.keyword_ids.contains(list(keyword_ids)))
    return np.array(connection.execute(statement).scalars().all(), np.int64)


def horizon(connection: Connection) -> int:
    """The oldest transaction still running: all that is older is seen by whoever reads now."""
    return int(connection.execute(_HORIZON).scalar_one())


def movies_changed(connection: Connection, since: int) -> Iterator[list[MovieRow]]:
    """Movies changed by that transaction or later, in chunks."""
    columns = movie_feature.c
    statement = sa.select(
        columns.movie_id,
        columns.release_date - sa.literal("1970-01-01", sa.Date).cast(sa.Date),
        columns.original_language,
        columns.genre_ids,
        columns.vote_average,
        columns.vote_count,
        columns.runtime_minutes,
        columns.adult,
        columns.removed,
        columns.popularity,
    ).where(columns.changed_in >= since)
    streamed = connection.execution_options(stream_results=True, yield_per=_CHUNK)
    for rows in streamed.execute(statement).partitions(_CHUNK):
        yield [MovieRow(*row) for row in rows]


def documents(
    connection: Connection, movie_ids: Sequence[int] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Ids, ascending, and terms of the movies that are not removed: all, or these."""
    # An array of texts costs the driver ten times what a text does.
    statement = (
        sa.select(movie_feature.c.movie_id, sa.func.array_to_string(movie_feature.c.terms, _BREAK))
        .where(~movie_feature.c.removed)
        .order_by(movie_feature.c.movie_id)
    )
    if movie_ids is not None:
        statement = statement.where(movie_feature.c.movie_id.in_(movie_ids))
    streamed = connection.execution_options(stream_results=True, yield_per=_CHUNK)
    for movie_id, joined in streamed.execute(statement):
        yield movie_id, joined.split(_BREAK) if joined else []
