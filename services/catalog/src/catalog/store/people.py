"""People, what they did, and collections."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from catalog.tables.movies import collection, movie
from catalog.tables.people import credit, person


def find(connection: Connection, person_id: int) -> RowMapping | None:
    """One person."""
    query = sa.select(person).where(person.c.person_id == person_id)
    return connection.execute(query).mappings().one_or_none()


def by_ids(connection: Connection, person_ids: Sequence[int]) -> list[RowMapping]:
    """People in the order asked for."""
    query = sa.select(person).where(person.c.person_id.in_(person_ids))
    found = {row["person_id"]: row for row in connection.execute(query).mappings()}
    return [found[person_id] for person_id in person_ids if person_id in found]


def credits_of(
    connection: Connection, person_id: int, after: tuple[float, int, int] | None, limit: int
) -> Sequence[RowMapping]:
    """What a person did, in the most popular movies first."""
    query = (
        sa.select(credit, movie.c.popularity)
        .join(movie, movie.c.tmdb_id == credit.c.movie_id)
        .where(credit.c.person_id == person_id, movie.c.removed_at.is_(None))
        .order_by(movie.c.popularity.desc(), credit.c.movie_id.desc(), credit.c.position.desc())
        .limit(limit)
    )
    if after is not None:
        place: Any = sa.tuple_(movie.c.popularity, credit.c.movie_id, credit.c.position)
        query = query.where(place < sa.tuple_(*(sa.literal(value) for value in after)))
    return connection.execute(query).mappings().all()


def find_collection(connection: Connection, collection_id: int) -> RowMapping | None:
    """One collection."""
    query = sa.select(collection).where(collection.c.collection_id == collection_id)
    return connection.execute(query).mappings().one_or_none()


def movies_of_collection(connection: Connection, collection_id: int) -> list[int]:
    """By release date, those without one last."""
    query = (
        sa.select(movie.c.tmdb_id)
        .where(movie.c.collection_id == collection_id, movie.c.removed_at.is_(None))
        .order_by(movie.c.release_date.asc().nulls_last(), movie.c.tmdb_id)
    )
    return list(connection.execute(query).scalars())
