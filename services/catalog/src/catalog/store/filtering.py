"""What is asked of a movie, as conditions on its columns and on what it is joined with."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa

from catalog.tables.movies import movie_genre, movie_keyword
from catalog.tables.people import credit

Columns = sa.sql.ColumnCollection[str, sa.ColumnElement[Any]]


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

    @property
    def is_bounded(self) -> bool:
        """Whether a movie's own columns are compared."""
        own = replace(self, genre_ids=(), person_ids=(), keyword_ids=(), include_adult=False)
        return own != Filter()


def conditions(wanted: Filter, m: Columns) -> list[sa.ColumnElement[bool]]:
    """What is asked of a movie."""
    return [m["removed_at"].is_(None), *compared(wanted, m)]


def compared(wanted: Filter, m: Columns) -> list[sa.ColumnElement[bool]]:
    """What is asked of a movie that has not been removed."""
    asked = comparisons(wanted, m)
    if not wanted.include_adult:
        asked.append(m["adult"].is_(False))
    joined: Sequence[tuple[sa.Table, str, tuple[int, ...]]] = (
        (movie_genre, "genre_id", wanted.genre_ids),
        (movie_keyword, "keyword_id", wanted.keyword_ids),
        (credit, "person_id", wanted.person_ids),
    )
    asked += [
        sa.exists().where(table.c.movie_id == m["tmdb_id"], table.c[name] == value)
        for table, name, values in joined
        for value in values
    ]
    return asked


def comparisons(
    wanted: Filter, m: Columns, only: str | None = None
) -> list[sa.ColumnElement[bool]]:
    """Conditions on a movie's own columns, or on one of them."""
    given: Sequence[tuple[str, Any, Callable[[sa.ColumnElement[Any], Any], Any]]] = (
        ("release_date", wanted.released_after, operator.ge),
        ("release_date", wanted.released_before, operator.le),
        ("vote_average", wanted.min_rating, operator.ge),
        ("vote_count", wanted.min_votes, operator.ge),
        ("original_language", wanted.language or None, operator.eq),
        ("runtime_minutes", wanted.min_runtime, operator.ge),
        # An unknown runtime is 0: shorter than nothing.
        ("runtime_minutes", wanted.max_runtime, lambda minutes, most: minutes.between(1, most)),
    )
    return [
        compare(m[name], value)
        for name, value, compare in given
        if value is not None and only in (None, name)
    ]
