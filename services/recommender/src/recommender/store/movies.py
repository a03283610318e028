"""The replica of the catalogue: what filters, likeness and popularity need."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from recommender.domain import Movie
from recommender.ranking.arrays import Floats, Ints
from recommender.ranking.rankers import DAY_SECONDS, TREND_DAYS
from recommender.tables import genre, interaction, movie_feature, movie_popularity, progress

_CHUNK = 20_000
_TREND_SECONDS = TREND_DAYS * DAY_SECONDS
_POPULARITY = "popularity"
# Stands between terms where they are joined: no term holds a control character.
_BREAK = "\x1f"
_HORIZON = sa.text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_TRANSACTION = sa.text("pg_current_xact_id()::text::bigint")


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
    values.pop("collection_id")
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
    rows = connection.execute(
        sa.select(movie_feature.c.movie_id, movie_feature.c.title).where(
            movie_feature.c.movie_id
            == sa.any_(sa.bindparam("ids", list(set(movie_ids)), sa.ARRAY(sa.BigInteger)))
        )
    )
    return {row.movie_id: row.title for row in rows}


def has_movie(connection: Connection, movie_id: int) -> bool:
    """Whether the movie is known and not removed."""
    found = sa.select(sa.true()).where(
        movie_feature.c.movie_id == movie_id, ~movie_feature.c.removed
    )
    return connection.execute(found).scalar() is not None


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


class Popularity(NamedTuple):
    """Parallel, ascending by movie id: how many people, and how many lately."""

    movie_ids: Ints
    counts: Floats
    recent: Floats


def popularity(connection: Connection, now: datetime) -> Popularity:
    """How popular each movie with interactions is now."""
    age = sa.extract("epoch", sa.literal(now) - movie_popularity.c.decayed_at)
    decayed = movie_popularity.c.recent * sa.func.exp(-age / _TREND_SECONDS)
    rows = connection.execute(
        sa.select(movie_popularity.c.movie_id, movie_popularity.c.people_count, decayed).order_by(
            movie_popularity.c.movie_id
        )
    ).all()
    ids, counts, recent = zip(*rows, strict=True) if rows else ((), (), ())
    return Popularity(
        np.array(ids, np.int64),
        np.array(counts, np.float32),
        np.array([float(value) for value in recent], np.float32),
    )


def refresh_popularity(connection: Connection, now: datetime) -> int:
    """Count anew the movies whose interactions changed since the last time; how many they were."""
    since = connection.execute(
        sa.select(progress.c.horizon).where(progress.c.name == _POPULARITY).with_for_update()
    ).scalar()
    upto = horizon(connection)
    changed = (
        sa.select(interaction.c.movie_id).where(interaction.c.changed_in >= (since or 0)).distinct()
    )
    age = sa.extract("epoch", sa.literal(now) - interaction.c.occurred_at)
    # A clock ahead of ours must not count more than now.
    recency = sa.func.exp(-sa.func.greatest(age, 0) / _TREND_SECONDS)
    standing = sa.and_(~interaction.c.deleted, interaction.c.kind != 3)
    counted = (
        sa.select(
            interaction.c.movie_id,
            sa.func.count(interaction.c.user_id.distinct()).filter(standing),
            sa.func.coalesce(sa.func.sum(recency).filter(standing), 0.0),
            sa.literal(now),
        )
        .where(interaction.c.movie_id.in_(changed))
        .group_by(interaction.c.movie_id)
    )
    names = ["movie_id", "people_count", "recent", "decayed_at"]
    statement = insert(movie_popularity).from_select(names, counted)
    fresh = {name: statement.excluded[name] for name in names[1:]}
    done = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["movie_id"], set_={**fresh, "updated_at": sa.func.now()}
        )
    )
    _keep_progress(connection, upto)
    return done.rowcount


def recount_popularity(connection: Connection, movie_ids: Sequence[int], now: datetime) -> None:
    """Count these movies anew after rows have gone, which no change tells of."""
    # The counting of changes waits, or is waited for: both write whole counts.
    connection.execute(
        sa.select(progress.c.horizon).where(progress.c.name == _POPULARITY).with_for_update()
    )
    connection.execute(
        _RECOUNT, {"movie_ids": list(movie_ids), "now": now, "trend_seconds": _TREND_SECONDS}
    )


_RECOUNT = sa.text("""
    update movie_popularity set
        people_count = counted.people_count, recent = counted.recent,
        decayed_at = cast(:now as timestamptz), updated_at = now()
    from (
        select asked.movie_id,
            count(distinct standing.user_id) as people_count,
            coalesce(sum(exp(
                -greatest(extract(epoch from cast(:now as timestamptz) - standing.occurred_at), 0)
                / :trend_seconds
            )) filter (where standing.user_id is not null), 0.0) as recent
        from unnest(cast(:movie_ids as bigint[])) as asked (movie_id)
        left join interaction as standing
            on standing.movie_id = asked.movie_id and not standing.deleted and standing.kind <> 3
        group by asked.movie_id
    ) as counted
    where movie_popularity.movie_id = counted.movie_id
""")


def _keep_progress(connection: Connection, upto: int) -> None:
    statement = insert(progress).values(name=_POPULARITY, horizon=upto)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"horizon": upto, "updated_at": sa.func.now()}
        )
    )
