"""People, what they did, and collections."""

from collections.abc import Sequence
from datetime import date
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
    connection: Connection,
    person_id: int,
    after: tuple[float, int, int] | None,
    limit: int,
    *,
    adult: bool,
) -> Sequence[RowMapping]:
    """What a person did, in the most popular movies first, in adult ones only if asked for."""
    query = (
        sa.select(credit, movie.c.popularity)
        .join(movie, movie.c.tmdb_id == credit.c.movie_id)
        .where(credit.c.person_id == person_id, *_shown(adult=adult))
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


def movies_of_collection(
    connection: Connection,
    collection_id: int,
    after: tuple[date | None, int] | None,
    limit: int,
    *,
    adult: bool,
) -> Sequence[RowMapping]:
    """Dates and ids by release date, those without one last; adult ones only if asked for."""
    query = (
        sa.select(movie.c.release_date, movie.c.tmdb_id)
        .where(movie.c.collection_id == collection_id, *_shown(adult=adult))
        .order_by(movie.c.release_date.asc().nulls_last(), movie.c.tmdb_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(_later(*after))
    return connection.execute(query).mappings().all()


def _later(day: date | None, movie_id: int) -> sa.ColumnElement[bool]:
    dateless = movie.c.release_date.is_(None)
    if day is None:
        return sa.and_(dateless, movie.c.tmdb_id > movie_id)
    place = sa.tuple_(movie.c.release_date, movie.c.tmdb_id)
    return sa.or_(dateless, place > sa.tuple_(sa.literal(day), sa.literal(movie_id)))


def _shown(*, adult: bool) -> list[sa.ColumnElement[bool]]:
    """Of the movies that are there, as listings have them."""
    present = movie.c.removed_at.is_(None)
    return [present] if adult else [present, movie.c.adult.is_(False)]
