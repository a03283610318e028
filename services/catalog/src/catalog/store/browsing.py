"""Browsing: every filter, every order, page by page from where the last one ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.tables import credit, movie, movie_genre, movie_keyword


@dataclass(frozen=True, slots=True)
class Filter:
    """What to keep; None and () keep everything."""

    genre_ids: tuple[int, ...] = ()
    released_after: date | None = None
    released_before: date | None = None
    min_rating: float | None = None
    min_votes: int | None = None
    language: str = ""
    min_runtime: int | None = None
    max_runtime: int | None = None
    person_ids: tuple[int, ...] = ()
    keyword_ids: tuple[int, ...] = ()
    include_adult: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A sort key; ties are broken by movie_id in the same direction."""

    column: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the sort key, None for a movie without date, and the movie."""

    value: Any
    movie_id: int


def page(
    connection: Connection, wanted: Filter, order: Order, after: Place | None, limit: int
) -> list[Place]:
    """The next movies of a list. Movies without the sort key come last, whatever the direction."""
    column = movie.c[order.column]
    found: list[Place] = []
    if after is None or after.value is not None:
        query = _ordered(wanted, order, column.is_not(None) if column.nullable else None)
        if after is not None:
            query = query.where(_beyond(order, column, after))
        found = _places(connection, query, limit)
    if column.nullable and len(found) < limit:
        last = after.movie_id if after is not None and after.value is None else None
        query = _ordered(wanted, order, column.is_(None))
        if last is not None:
            query = query.where(
                movie.c.tmdb_id < last if order.descending else movie.c.tmdb_id > last
            )
        found += _places(connection, query, limit - len(found))
    return found


def _ordered(
    wanted: Filter, order: Order, presence: sa.ColumnElement[bool] | None
) -> sa.Select[Any, Any]:
    column = movie.c[order.column]
    query = sa.select(column, movie.c.tmdb_id).where(*_conditions(wanted))
    if presence is not None:
        query = query.where(presence)
    columns = (column, movie.c.tmdb_id)
    return query.order_by(*(c.desc() if order.descending else c for c in columns))


def _beyond(order: Order, column: sa.Column[Any], after: Place) -> sa.ColumnElement[bool]:
    place = sa.tuple_(column, movie.c.tmdb_id)
    bound = sa.tuple_(sa.literal(after.value, column.type), sa.literal(after.movie_id))
    return place < bound if order.descending else place > bound


def _places(connection: Connection, query: sa.Select[Any, Any], limit: int) -> list[Place]:
    return [Place(row[0], row[1]) for row in connection.execute(query.limit(limit))]


def _conditions(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    conditions = [movie.c.removed_at.is_(None), *_comparisons(wanted)]
    if not wanted.include_adult:
        conditions.append(movie.c.adult.is_(False))
    joined: Sequence[tuple[sa.Table, str, tuple[int, ...]]] = (
        (movie_genre, "genre_id", wanted.genre_ids),
        (movie_keyword, "keyword_id", wanted.keyword_ids),
        (credit, "person_id", wanted.person_ids),
    )
    conditions += [
        sa.exists().where(table.c.movie_id == movie.c.tmdb_id, table.c[name] == value)
        for table, name, values in joined
        for value in values
    ]
    return conditions


def _comparisons(wanted: Filter) -> list[sa.ColumnElement[bool]]:
    m = movie.c
    given: Sequence[tuple[Any, Callable[[Any], sa.ColumnElement[bool]]]] = (
        (wanted.released_after, m.release_date.__ge__),
        (wanted.released_before, m.release_date.__le__),
        (wanted.min_rating, m.vote_average.__ge__),
        (wanted.min_votes, m.vote_count.__ge__),
        (wanted.language or None, m.original_language.__eq__),
        (wanted.min_runtime, m.runtime_minutes.__ge__),
        # An unknown runtime is 0: shorter than nothing.
        (wanted.max_runtime, lambda most: m.runtime_minutes.between(1, most)),
    )
    return [condition(value) for value, condition in given if value is not None]
