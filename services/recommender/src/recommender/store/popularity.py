"""How popular movies are: who met them, and how many lately, as a training would count them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from recommender.ranking.arrays import Floats, Ints
from recommender.ranking.rankers import DAY_SECONDS, TREND_DAYS
from recommender.ranking.signals import FIXED_WEIGHTS, GRADE_FROM, GRADE_SPAN, LEAST_GRADE
from recommender.store.copying import copied
from recommender.store.movies import horizon
from recommender.tables import progress

_TREND_SECONDS = TREND_DAYS * DAY_SECONDS
# PostgreSQL refuses what is too small for a double: what is older counts as little as this, e^-60.
_MOST_DECAY = 60.0
_NAME = "popularity"
_ALL = """
    select movie_id, people_count, recent, date_part('epoch', decayed_at)
    from movie_popularity
"""
_COLUMNS = {"movie_id": ">i8", "people_count": ">i8", "recent": ">f8", "decayed_at": ">f8"}


class Popularity(NamedTuple):
    """Parallel, ascending by movie id: how many people, and how many lately."""

    movie_ids: Ints
    counts: Floats
    recent: Floats


def popularity(connection: Connection, now: datetime) -> Popularity:
    """How popular each movie with interactions is now."""
    rows = copied(connection, _ALL, _COLUMNS)
    movie_ids = rows["movie_id"].astype(np.int64)
    order = np.argsort(movie_ids)
    age = np.minimum((now.timestamp() - rows["decayed_at"]) / _TREND_SECONDS, _MOST_DECAY)
    recent = rows["recent"] * np.exp(-age)
    return Popularity(
        movie_ids[order],
        rows["people_count"][order].astype(np.float32),
        recent[order].astype(np.float32),
    )


def refresh_popularity(connection: Connection, now: datetime) -> int:
    """Count anew the movies whose interactions changed since the last time; how many they were."""
    since = _hold_progress(connection)
    upto = horizon(connection)
    done = connection.execute(_COUNT_CHANGED, {"since": since or 0, **_told(now)})
    _keep_progress(connection, upto)
    return done.rowcount


def recount_popularity(connection: Connection, movie_ids: Sequence[int], now: datetime) -> None:
    """Count these movies anew after rows have gone, which no change tells of."""
    # The counting of changes waits, or is waited for: both write whole counts.
    _hold_progress(connection)
    connection.execute(_COUNT_THESE, {"movie_ids": list(movie_ids), **_told(now)})


def _told(now: datetime) -> dict[str, Any]:
    weights = {f"kind_{kind}": weight for kind, weight in enumerate(FIXED_WEIGHTS)}
    grades = {"grade_from": GRADE_FROM, "grade_span": GRADE_SPAN, "least_grade": LEAST_GRADE}
    decay = {"trend_seconds": _TREND_SECONDS, "most_decay": _MOST_DECAY}
    return {"now": now, **decay, **weights, **grades}


# One interaction counts of a person and movie, and by its weight: as ranking.training has it. A
# clock ahead of ours must not count more than now.
_COUNT = """
    with asked as ({asked}), weighed as (
        select movie_id, user_id, kind, occurred_at,
            case when kind = 0 and rating is not null
                then least(greatest((rating - :grade_from) / :grade_span, :least_grade), 1.0)
                else (cast(array[:kind_0, :kind_1, :kind_2, :kind_3] as float8[]))[kind + 1]
            end as weight
        from interaction
        where movie_id in (select movie_id from asked) and not deleted
    ), standing as (
        select distinct on (movie_id, user_id) movie_id, weight * exp(
            -least(greatest(extract(epoch from cast(:now as timestamptz) - occurred_at), 0)
            / :trend_seconds, :most_decay)
        ) as worth
        from weighed
        where weight > 0
        order by movie_id, user_id, kind = 0 desc, weight desc
    )
    insert into movie_popularity (movie_id, people_count, recent, decayed_at)
    select movie_id, count(worth), coalesce(sum(worth), 0.0), cast(:now as timestamptz)
    from asked left join standing using (movie_id)
    group by movie_id
    on conflict (movie_id) do update set
        people_count = excluded.people_count, recent = excluded.recent,
        decayed_at = excluded.decayed_at, updated_at = now()
"""
_COUNT_CHANGED = sa.text(
    _COUNT.format(asked="select distinct movie_id from interaction where changed_in >= :since")
)
_COUNT_THESE = sa.text(
    _COUNT.format(asked="select unnest(cast(:movie_ids as bigint[])) as movie_id")
)


def _hold_progress(connection: Connection) -> int | None:
    return connection.execute(
        sa.select(progress.c.horizon).where(progress.c.name == _NAME).with_for_update()
    ).scalar()


def _keep_progress(connection: Connection, upto: int) -> None:
    statement = insert(progress).values(name=_NAME, horizon=upto)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"horizon": upto, "updated_at": sa.func.now()}
        )
    )
