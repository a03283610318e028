"""Browsing: every filter, every order, page by page from where the last one ended.

What bounds a number may keep hardly any of the movies that come first in an order, which no
statistics tell. So the first of the order are looked at, in its index alone; where they hold too
few, what the filters keep is found by their own indexes and sorted, if it is not much. Else, where
a filter tends to keep nothing of the beginning (short movies are little known, the newest are not
rated yet), an index has the order for each of its steps, and those are merged; elsewhere far more
of the order are looked at; and if even they hold too few, all that the filters keep is sorted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.store.filtering import Columns, Filter, compared, comparisons, conditions
from catalog.store.stepping import DATES, RATINGS, RUNTIMES, Scale, Steps
from catalog.tables.movies import COMPARED, movie


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


_LOOKED_AT, _LOOKED_AT_IN_A_HURRY, _LOOKED_AT_AT_MOST = 20_000, 2_000, 50_000
_SORTED = 5_000
_DAY = timedelta(days=1)
_SOME_DECADES = 2


def page(
    connection: Connection, wanted: Filter, order: Order, after: Place | None, limit: int
) -> list[Place]:
    """The next movies of a list. Movies without the sort key come last, whatever the direction."""
    column = movie.c[order.column]
    found: list[Place] = []
    bounded = comparisons(wanted, movie.c, order.column)
    if after is None or after.value is not None:
        bounds = [*bounded, *([column.is_not(None)] if column.nullable else [])]
        if after is not None:
            bounds.append(_beyond(order, column, after))
        found = _places(connection, wanted, order, bounds, limit)
    if column.nullable and not bounded and len(found) < limit:
        dateless: list[sa.ColumnElement[bool]] = [column.is_(None)]
        if after is not None and after.value is None:
            last, ids = after.movie_id, movie.c.tmdb_id
            dateless.append(ids < last if order.descending else ids > last)
        found += _places(connection, wanted, order, dateless, limit - len(found))
    return found


def _places(
    connection: Connection,
    wanted: Filter,
    order: Order,
    bounds: Sequence[sa.ColumnElement[bool]],
    limit: int,
) -> list[Place]:
    if wanted.is_bounded:
        # To find all that is kept costs little where its indexes hold all that is asked for.
        joins = wanted.genre_ids or wanted.person_ids or wanted.keyword_ids
        hurries = order.column in COMPARED and not joins
        looked_at = _LOOKED_AT_IN_A_HURRY if hurries else _LOOKED_AT
        first = _among_the_first(wanted, order, bounds, looked_at)
        found = _rows(connection, first, limit)
        return found if len(found) == limit else _rare(connection, wanted, order, bounds, limit)
    kept = sa.select(movie.c[order.column], movie.c.tmdb_id).where(
        *bounds, *conditions(wanted, movie.c)
    )
    return _rows(connection, kept.order_by(*_ordered(order, movie.c)), limit)


def _rare(
    connection: Connection,
    wanted: Filter,
    order: Order,
    bounds: Sequence[sa.ColumnElement[bool]],
    limit: int,
) -> list[Place]:
    """Places of which the first of the order hold too few."""
    steps = _steps(wanted, order)
    if steps and not steps.numbers:  # the least is more than the most
        return []
    if steps and steps.are_all:
        return _rows(connection, _step_by_step(wanted, order, bounds, steps, limit), limit)
    some = connection.execute(_of_the_kept(wanted, order, bounds, _SORTED + 1).limit(limit)).all()
    if not some or some[0].kept_count <= _SORTED:
        return [Place(row[0], row[1]) for row in some]
    if steps:
        return _rows(connection, _step_by_step(wanted, order, bounds, steps, limit), limit)
    first = _among_the_first(wanted, order, bounds, _LOOKED_AT_AT_MOST)
    found = _rows(connection, first, limit)
    if len(found) < limit:
        return _rows(connection, _of_the_kept(wanted, order, bounds), limit)
    return found


def _steps(wanted: Filter, order: Order) -> Steps | None:
    if order.column == "release_date" and wanted.min_rating is not None:
        return Steps(RATINGS, wanted.min_rating, None, _is_all(wanted, RATINGS))
    if order.column != "popularity":
        return None
    least, most = wanted.min_runtime, wanted.max_runtime
    if least is not None or most is not None:
        alone = _is_all(wanted, RUNTIMES)
        if most is None:
            return Steps(RUNTIMES, least, None, alone)
        # An unknown runtime, which has a step of its own, is shorter than nothing.
        return Steps(RUNTIMES, max(least or 1, 1), most + 1, alone)
    after, before = wanted.released_after, wanted.released_before
    if after or before:
        beyond = min(before, date.max - _DAY) + _DAY if before else None
        alone = _is_all(wanted, DATES)
        steps = Steps(DATES, after, beyond, alone)
        # Some days of a decade may be hardly any of its movies.
        return replace(steps, are_all=alone and len(steps.numbers) > _SOME_DECADES)
    return None


_STEPPED = {
    RATINGS.column: ("min_rating",),
    RUNTIMES.column: ("min_runtime", "max_runtime"),
    DATES.column: ("released_after", "released_before"),
}


def _besides(wanted: Filter, scale: Scale) -> Filter:
    """What else is filtered than the column of the scale."""
    nothing: dict[str, Any] = dict.fromkeys(_STEPPED[scale.column])
    return replace(wanted, **nothing)


def _is_all(wanted: Filter, scale: Scale) -> bool:
    return replace(_besides(wanted, scale), include_adult=False) == Filter()


def _step_by_step(
    wanted: Filter,
    order: Order,
    bounds: Sequence[sa.ColumnElement[bool]],
    steps: Steps,
    limit: int,
) -> sa.Select[Any, Any]:
    """The first of the order in each step, merged.

    A step of which only some is asked for may be all but that: there the planner, who is told both
    ends of what is, chooses between the step's order and the column's own index. Of whole steps it
    is not told the filter's bound, or it might read in that index, for each of them, all there is.
    """
    step = steps.scale.step
    whole = [number for number in steps.numbers if steps.is_whole(number)]
    arms: list[sa.Select[Any, Any]] = []
    for number in steps.numbers:
        if not steps.is_whole(number):
            some = (step == number, *steps.bounds(number), *bounds)
            arms.append(sa.select(_first_of(wanted, order, some, limit).subquery()))
    if whole:
        asked = sa.func.generate_series(whole[0], whole[-1]).table_valued("step")
        asked = asked.render_derived(name="asked")
        all_of_step = (step == asked.c.step, movie.c[steps.scale.column].is_not(None), *bounds)
        each = _first_of(_besides(wanted, steps.scale), order, all_of_step, limit)
        of_step = each.correlate(asked).lateral("of_step")
        arms.append(sa.select(of_step).select_from(asked.join(of_step, sa.true())))
    merged = sa.union_all(*arms).subquery()
    return sa.select(merged).order_by(*_ordered(order, merged.c))


def _first_of(
    wanted: Filter,
    order: Order,
    bounds: Sequence[sa.ColumnElement[bool]],
    limit: int,
) -> sa.Select[Any, Any]:
    kept = (*bounds, *conditions(wanted, movie.c))
    places = sa.select(movie.c[order.column], movie.c.tmdb_id).where(*kept)
    return places.order_by(*_ordered(order, movie.c)).limit(limit)


def _among_the_first(
    wanted: Filter, order: Order, bounds: Sequence[sa.ColumnElement[bool]], looked_at: int
) -> sa.Select[Any, Any]:
    # These columns alone, for they are in the order's index.
    first = (
        sa.select(*(movie.c[name] for name in dict.fromkeys((order.column, "tmdb_id", *COMPARED))))
        .where(movie.c.removed_at.is_(None), *bounds)
        .order_by(*_ordered(order, movie.c))
        .limit(looked_at)
        .subquery("first")
    )
    kept = sa.select(first.c[order.column], first.c.tmdb_id).where(*compared(wanted, first.c))
    return kept.order_by(*_ordered(order, first.c))


def _of_the_kept(
    wanted: Filter,
    order: Order,
    bounds: Sequence[sa.ColumnElement[bool]],
    at_most: int | None = None,
) -> sa.Select[Any, Any, int]:
    """What the filters keep, sorted, and how much it is; some of it where it is more than that."""
    kept = (
        sa.select(movie.c[order.column], movie.c.tmdb_id)
        .where(*bounds, *conditions(wanted, movie.c))
        .limit(at_most)
        .cte("kept")
        .prefix_with("materialized")
    )
    count = sa.select(sa.func.count()).select_from(kept).scalar_subquery().label("kept_count")
    columns = (kept.c[order.column], kept.c.tmdb_id, count)
    return sa.select(*columns).order_by(*_ordered(order, kept.c))


def _ordered(order: Order, columns: Columns) -> list[sa.ColumnElement[Any]]:
    both = (columns[order.column], columns["tmdb_id"])
    return [one.desc() if order.descending else one.asc() for one in both]


def _beyond(order: Order, column: sa.Column[Any], after: Place) -> sa.ColumnElement[bool]:
    place = sa.tuple_(column, movie.c.tmdb_id)
    bound = sa.tuple_(sa.literal(after.value, column.type), sa.literal(after.movie_id))
    return place < bound if order.descending else place > bound


def _rows(connection: Connection, query: sa.Select[*tuple[Any, ...]], limit: int) -> list[Place]:
    return [Place(row[0], row[1]) for row in connection.execute(query.limit(limit))]
