"""Sums by the hour and the day: added to in the transaction of what they count, and read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, RowMapping

from analytics.domain.periods import Range
from analytics.tables import (
    activity_actor,
    activity_rollup,
    api_usage_rollup,
    recommendation_rollup,
)

Key = tuple[Any, ...]
"""Values of a rollup's primary key, in its order: granularity, bucket, and what is counted."""

UsageCursor = tuple[datetime, str, str, int, str]
"""Where a page of API usage ended."""

_SERVER_ERROR = 500

_Select = sa.Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Overview:
    """The main numbers of a period."""

    active_users_count: int
    counts: dict[str, int]
    impressions_count: int
    clicks_count: int
    requests_count: int
    server_errors_count: int


def add(connection: Connection, table: sa.Table, sums: Mapping[Key, Sequence[float]]) -> None:
    """Add to the rows of a rollup, making those that are missing; in one order for everybody."""
    if not sums:
        return
    keys, counts, statement = _adding(table)
    rows = [dict(zip([*keys, *counts], [*key, *sums[key]], strict=True)) for key in sorted(sums)]
    connection.execute(statement, rows)


@cache
def _adding(table: sa.Table) -> tuple[Sequence[str], Sequence[str], sa.Insert]:
    """Names of a rollup's key and of its counts, and what adds to them."""
    keys = [column.name for column in table.primary_key]
    other = {*keys, "created_at", "updated_at"}
    counts = [column.name for column in table.c if column.name not in other]
    statement = insert(table)
    changed: dict[str, Any] = {name: table.c[name] + statement.excluded[name] for name in counts}
    statement = statement.on_conflict_do_update(
        index_elements=keys, set_={**changed, "updated_at": sa.text("default")}
    )
    return keys, counts, statement


def add_actors(connection: Connection, actors: set[tuple[str, datetime, str, UUID]]) -> list[Key]:
    """Count people in buckets; the key of a bucket for each who is counted there the first time."""
    if not actors:
        return []
    columns = zip(*sorted(actors), strict=True)
    names = ("granularities", "buckets", "activity_types", "actors")
    parameters: dict[str, Any] = dict(zip(names, map(list, columns), strict=True))
    return [tuple(row) for row in connection.execute(_ADD_ACTORS, parameters)]


def take_out(connection: Connection, user_id: UUID, activity_type: str, at: datetime) -> None:
    """Who was counted somewhere is known no longer, of one type or all.

    In buckets that are not over `at` that moment one fewer is counted, for the person may come
    again; all others stay as they are.
    """
    parameters = {"user_id": user_id, "activity_type": activity_type, "at": at}
    connection.execute(_TAKE_OUT, parameters)


def overview(connection: Connection, asked: Range) -> Overview:
    """The main numbers, from sums alone."""
    shown = recommendation_rollup.c
    served = api_usage_rollup.c
    failed = sa.case((served.status >= _SERVER_ERROR, served.requests_count), else_=0)
    people = sa.select(sa.func.count(activity_actor.c.actor.distinct()))
    recommended = connection.execute(
        _sums(recommendation_rollup, asked, shown.impressions_count, shown.clicks_count)
    ).one()
    requested = connection.execute(
        _sums(api_usage_rollup, asked, served.requests_count, failed)
    ).one()
    return Overview(
        active_users_count=connection.execute(_within(people, activity_actor, asked)).scalar_one(),
        counts=_activity_counts(connection, asked),
        impressions_count=recommended[0],
        clicks_count=recommended[1],
        requests_count=requested[0],
        server_errors_count=requested[1],
    )


def activity_series(connection: Connection, asked: Range) -> Sequence[RowMapping]:
    """Counts by bucket, then type."""
    columns = activity_rollup.c
    statement = sa.select(
        columns.bucket, columns.activity_type, columns["count"], columns.users_count
    ).order_by(columns.bucket, columns.activity_type)
    return connection.execute(_within(statement, activity_rollup, asked)).mappings().all()


def recommendation_series(connection: Connection, asked: Range) -> Sequence[RowMapping]:
    """Impressions, clicks, different movies and novelty by bucket, then type."""
    return _performance(connection, "bucket", asked)


def recommendation_totals(connection: Connection, asked: Range) -> Sequence[RowMapping]:
    """The same of all buckets together: a movie shown in two of them is one movie."""
    return _performance(connection, "cast(:start as timestamptz)", asked)


def _performance(connection: Connection, bucket: str, asked: Range) -> Sequence[RowMapping]:
    parameters = {"granularity": asked.granularity, "start": asked.start, "end": asked.end}
    statement = sa.text(_PERFORMANCE.replace("{bucket}", bucket))
    return connection.execute(statement, parameters).mappings().all()


def usage_page(
    connection: Connection, asked: Range, *, after: UsageCursor | None, size: int
) -> Sequence[RowMapping]:
    """Use of the API by bucket, then route; one more than `size` when there is more."""
    columns = api_usage_rollup.c
    place = (columns.bucket, columns.route, columns.method, columns.status, columns.client)
    statement = (
        sa.select(*place, columns.requests_count, columns.total_milliseconds)
        .order_by(*place)
        .limit(size + 1)
    )
    if after is not None:
        ended = [sa.literal(value, column.type) for value, column in zip(after, place, strict=True)]
        statement = statement.where(sa.tuple_(*place) > sa.tuple_(*ended))
    return connection.execute(_within(statement, api_usage_rollup, asked)).mappings().all()


def _within(statement: _Select, table: sa.Table, asked: Range) -> _Select:
    return statement.where(
        table.c.granularity == asked.granularity,
        table.c.bucket >= asked.start,
        table.c.bucket < asked.end,
    )


def _sums(table: sa.Table, asked: Range, *columns: sa.ColumnElement[Any]) -> _Select:
    sums = [sa.cast(sa.func.coalesce(sa.func.sum(one), 0), sa.BigInteger) for one in columns]
    return _within(sa.select(*sums), table, asked)


def _activity_counts(connection: Connection, asked: Range) -> dict[str, int]:
    columns = activity_rollup.c
    number = sa.cast(sa.func.sum(columns["count"]), sa.BigInteger).label("number")
    statement = (
        sa.select(columns.activity_type, number)
        .group_by(columns.activity_type)
        .order_by(sa.desc("number"), columns.activity_type)
    )
    rows = connection.execute(_within(statement, activity_rollup, asked)).all()
    return {row.activity_type: row.number for row in rows}


# By whole columns: a statement of a thousand rows of parameters costs ten times as much.
_ADD_ACTORS = sa.text(
    """
    insert into activity_actor (granularity, bucket, activity_type, actor)
    select * from unnest(:granularities, :buckets, :activity_types, :actors)
    on conflict do nothing
    returning granularity, bucket, activity_type
    """
).bindparams(
    sa.bindparam("granularities", type_=sa.ARRAY(sa.Text)),
    sa.bindparam("buckets", type_=sa.ARRAY(sa.DateTime(timezone=True))),
    sa.bindparam("activity_types", type_=sa.ARRAY(sa.Text)),
    sa.bindparam("actors", type_=sa.ARRAY(sa.Uuid)),
)

_TAKE_OUT = sa.text(
    """
    with gone as (
        delete from activity_actor
        where actor = :user_id and :activity_type in ('', activity_type)
        returning granularity, bucket, activity_type
    )
    update activity_rollup set users_count = users_count - 1, updated_at = default
    from gone
    where activity_rollup.granularity = gone.granularity
      and activity_rollup.bucket = gone.bucket
      and activity_rollup.activity_type = gone.activity_type
      and gone.bucket >= date_trunc(gone.granularity, cast(:at as timestamptz), 'UTC')
    """
).bindparams(sa.bindparam("user_id", type_=sa.Uuid))

# Novelty is the mean self-information of what a type has shown, -log2 p(movie), where p is the
# movie's share of all impressions of the bucket, whatever their type (Zhou et al., PNAS 2010).
_PERFORMANCE = """
    with shown as (
        select {bucket} as bucket, recommendation_type, movie_id,
               sum(impressions_count)::float8 as impressions
        from recommendation_movie
        where granularity = :granularity and bucket >= :start and bucket < :end
        group by 1, 2, 3
    ), weighed as (
        select *, sum(impressions) over (partition by bucket, movie_id) as of_movie,
               sum(impressions) over (partition by bucket) as of_all
        from shown
    ), movies as (
        select bucket, recommendation_type, count(*) as movies_count,
               sum(impressions * ln(of_all / of_movie) / ln(2::float8)) / sum(impressions)
                   as novelty_bits
        from weighed
        group by bucket, recommendation_type
    ), sums as (
        select {bucket} as bucket, recommendation_type,
               sum(impressions_count)::bigint as impressions_count,
               sum(clicks_count)::bigint as clicks_count
        from recommendation_rollup
        where granularity = :granularity and bucket >= :start and bucket < :end
        group by 1, 2
    )
    select bucket, recommendation_type, impressions_count, clicks_count,
           coalesce(movies_count, 0) as movies_count, coalesce(novelty_bits, 0) as novelty_bits
    from sums left join movies using (bucket, recommendation_type)
    order by bucket, recommendation_type
"""
