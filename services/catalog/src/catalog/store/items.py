"""What the sync knows of every movie of a source: its queue, its leases and its watermarks.

`updated_at` of a movie is the moment at which something last came out of it: who queues it leaves
that alone.
"""

# ruff: noqa: S608 - the names put into these statements are constants; values are bound

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.domain.sync import Edited
from catalog.store import bulk
from catalog.tables.sync import sync_watermark
from chassis.database import uuid7

_CLAIM_LOCK = 0x6C6561736573  # "leases": one claim at a time, so that each sees those before it
_REFUSED_BEFORE = (
    "exists (select from quarantine q where q.kind = 'movie' and q.source = sync_item.source"
    " and q.source_id = sync_item.movie_id and q.quarantined_at < %(at)s)"
)
"""What was put away may have been mended by an edit, and is worth one more look after it."""
_LONGEST_WAIT = 24
"""Of a movie that TMDb cannot answer for, in times of what a cache needs to forget."""

Queue = Literal["pending", "changed", "old", "named"]

_WHICH: dict[Queue, str] = {
    # The long tail, most of all movies, in the order of ids: neighbours lie in the same pages of
    # most indexes, and where those do not fit into memory they would be fetched for each movie.
    "pending": "state = 'pending' and next_at <= now()"
    " order by greatest(popularity, 1) desc, movie_id",
    "changed": "state = 'pending' and changed_at is not null and next_at <= now()"
    " order by movie_id",
    # What was fetched since the run began is not looked at twice, however old its body was.
    "old": "state = 'done' and as_of < %(before)s and updated_at < %(since)s"
    " order by as_of, movie_id",
    "named": "state = 'pending' and next_at <= now() and movie_id = any(%(ids)s) order by movie_id",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A movie that is ours to fetch until it is finished or our run has died."""

    lease_id: UUID
    movie_id: int
    as_of: datetime | None
    attempts: int
    is_missing: bool
    """Whether the last census lacked it: nobody wonders if it is gone."""
    is_untried: bool
    """Whether nothing has come out of it yet, good or bad."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a claimed movie came out."""

    movie_id: int
    state: Literal["done", "gone", "quarantined", "pending"]
    as_of: datetime | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A queue, and what bounds it: `old` ends at `before`, `named` holds `movie_ids` alone."""

    queue: Queue
    since: datetime
    """When the run began."""
    before: datetime | None = None
    movie_ids: tuple[int, ...] = ()

    def parameters(self, source: str) -> dict[str, object]:
        """For the statements below."""
        return {
            "source": source,
            "since": self.since,
            "before": self.before,
            "ids": list(self.movie_ids),
        }


def claim(
    connection: Connection, source: str, run_id: UUID, wanted: Wanted, limit: int
) -> list[Claim]:
    """Lease the next movies of a queue; those that others have leased are passed over.

    A lease is a row for all of them: written on each movie it would cost a version of its row, with
    entries in every index, as much again as finishing it does. Nothing is locked: a census that
    changes the whole queue hides none of it, and what came out of a movie is written before its
    lease is given back, so whoever does not see the one sees the other.
    """
    connection.exec_driver_sql("select pg_advisory_xact_lock(%(key)s)", {"key": _CLAIM_LOCK})
    lease_id = uuid7()
    result = connection.exec_driver_sql(
        "with claimed as materialized ("
        " select movie_id, as_of, attempts, missing_count > 0, updated_at = created_at"
        " from sync_item"
        " where source = %(source)s and movie_id not in"
        " (select unnest(movie_ids) from sync_lease where source = %(source)s) and "
        f"{_WHICH[wanted.queue]} limit %(limit)s),"
        " leased as (insert into sync_lease (lease_id, sync_run_id, source, movie_ids)"
        " select %(lease)s, %(run)s, %(source)s, array_agg(movie_id) from claimed"
        " having count(*) > 0)"
        " select * from claimed",
        {
            "lease": str(lease_id),
            "run": str(run_id),
            "limit": limit,
            **wanted.parameters(source),
        },
    )
    return [Claim(lease_id, *row) for row in result]


def finish(
    connection: Connection, source: str, outcomes: Sequence[Outcome], settle_seconds: int
) -> None:
    """Note what came out of movies that were claimed.

    A body older than the change it was fetched for came from a cache: the movie stays pending,
    to be fetched again when the cache has had time to forget. So does one that TMDb could not
    answer for now, each time for longer; whether the census lacks it is as open as before.
    """
    later = "(n.state = 'pending' or n.state = 'done' and i.changed_at >= n.as_of)"
    rows = sorted(outcomes, key=lambda outcome: outcome.movie_id)
    connection.exec_driver_sql(
        f"update sync_item i set state = case when {later} then 'pending' else n.state end,"
        f" next_at = case when {later} then now() + make_interval(secs => %(settle)s"
        f" * least(greatest(n.attempts, 1), {_LONGEST_WAIT}))"
        " else now() end,"
        " as_of = coalesce(n.as_of, i.as_of), attempts = n.attempts,"
        " missing_count = case when n.state in ('done', 'gone') then 0 else i.missing_count end,"
        " updated_at = now()"
        " from unnest(%(ids)s::bigint[], %(states)s::text[], %(moments)s::timestamptz[],"
        " %(attempts)s::integer[]) n (movie_id, state, as_of, attempts)"
        # The ids once more, or the planner reads a queue of less than 100,000 as a whole.
        " where i.movie_id = n.movie_id and i.movie_id = any(%(ids)s::bigint[])"
        " and i.source = %(source)s",
        {
            "settle": settle_seconds,
            "source": source,
            "ids": bulk.array(str(row.movie_id) for row in rows),
            "states": bulk.array(row.state for row in rows),
            "moments": bulk.array(row.as_of and row.as_of.isoformat() for row in rows),
            "attempts": bulk.array(str(row.attempts) for row in rows),
        },
    )


def give_back(connection: Connection, lease_ids: Iterable[UUID]) -> None:
    """What was leased is finished."""
    connection.exec_driver_sql(
        "delete from sync_lease where lease_id = any(%(ids)s::uuid[])",
        {"ids": [str(lease_id) for lease_id in lease_ids]},
    )


def release(connection: Connection, run_id: UUID) -> None:
    """Give back what a run holds, fetched or not."""
    connection.exec_driver_sql(
        "delete from sync_lease where sync_run_id = %(run)s", {"run": str(run_id)}
    )


def release_dead(connection: Connection) -> None:
    """Give back what runs hold that are over."""
    connection.exec_driver_sql(
        "delete from sync_lease l where not exists (select from sync_run r"
        " where r.sync_run_id = l.sync_run_id and r.state in ('queued', 'running'))"
    )


def remaining_count(connection: Connection, source: str, wanted: Wanted) -> int:
    """How many movies a queue holds."""
    conditions = _WHICH[wanted.queue].split(" order by ")[0]
    result = connection.exec_driver_sql(
        f"select count(*) from sync_item where source = %(source)s and {conditions}",
        wanted.parameters(source),
    )
    return result.scalar_one()


def add(connection: Connection, source: str, found: Sequence[tuple[int, bool, float]]) -> None:
    """Movies the sync has not heard of, each with adult and popularity; others stay as they are."""
    rows = sorted(found)
    connection.exec_driver_sql(
        "insert into sync_item (movie_id, source, adult, popularity)"
        " select i, %(source)s, a, p from"
        " unnest(%(ids)s::bigint[], %(adult)s::boolean[], %(popularity)s::float8[]) f (i, a, p)"
        " on conflict (movie_id, source) do nothing",
        {
            "source": source,
            "ids": [row[0] for row in rows],
            "adult": [row[1] for row in rows],
            "popularity": [row[2] for row in rows],
        },
    )


def request(connection: Connection, source: str, movie_ids: Sequence[int]) -> None:
    """Queue these movies, whatever became of them before."""
    add(connection, source, [(movie_id, False, 0.0) for movie_id in set(movie_ids)])
    connection.exec_driver_sql(
        "update sync_item set state = 'pending', next_at = now()"
        " where source = %(source)s and movie_id = any(%(ids)s)",
        {"source": source, "ids": list(movie_ids)},
    )


def request_refused(
    connection: Connection, source: str, before: datetime, parser_version: int
) -> None:
    """Queue what was put away before a moment, or by a parser before this one, and has been looked
    at by nobody since."""
    connection.exec_driver_sql(
        "update sync_item set state = 'pending', next_at = now()"
        " where source = %(source)s and state = 'quarantined' and movie_id = any(array("
        "select q.source_id from quarantine q where q.kind = 'movie' and q.source = %(source)s"
        " and q.state = 'open'"
        " and (q.quarantined_at < %(before)s or q.parser_version < %(version)s)))",
        {"source": source, "before": before, "version": parser_version},
    )


def mark_changed(
    connection: Connection, source: str, changed: Sequence[tuple[int, bool]], edited: Edited
) -> None:
    """Movies that the change log names: those we know to be older are queued."""
    add(connection, source, [(movie_id, adult, 0.0) for movie_id, adult in changed])
    connection.exec_driver_sql(
        "update sync_item set state = 'pending', next_at = now(),"
        " changed_at = greatest(changed_at, %(at)s)"
        " where source = %(source)s and movie_id = any(%(ids)s)"
        " and (as_of is null or as_of <= %(at)s)"
        " and (changed_at is null or changed_at < %(since)s or state = 'done'"
        " and as_of <= %(at)s - make_interval(secs => %(again)s))"
        f" and (state <> 'quarantined' or {_REFUSED_BEFORE})",
        {
            "source": source,
            "ids": [movie_id for movie_id, _ in changed],
            "at": edited.at,
            "since": edited.since,
            "again": edited.again_seconds,
        },
    )


def mark_all_changed(connection: Connection, source: str, at: datetime) -> None:
    """After a gap that the change log does not cover: all that was loaded is looked at again. What
    waits is fetched anyhow, and what is gone comes back by a census."""
    connection.exec_driver_sql(
        "update sync_item set state = 'pending', changed_at = greatest(changed_at, %(at)s)"
        " where source = %(source)s and (state = 'done' and as_of <= %(at)s"
        f" or state = 'quarantined' and {_REFUSED_BEFORE})",
        {"source": source, "at": at},
    )


def watermark(connection: Connection, source: str, name: str) -> str | None:
    """How far a stage has come."""
    marks = sync_watermark
    return connection.execute(
        sa.select(marks.c.value).where(marks.c.source == source, marks.c.name == name)
    ).scalar_one_or_none()


def set_watermark(connection: Connection, source: str, name: str, value: str) -> None:
    """Remember how far a stage has come."""
    connection.exec_driver_sql(
        "insert into sync_watermark (source, name, value) values (%(source)s, %(name)s, %(value)s)"
        " on conflict (source, name) do update set value = excluded.value, updated_at = now()",
        {"source": source, "name": name, "value": value},
    )


def watermarks(connection: Connection, source: str) -> dict[str, str]:
    """All of them by name."""
    marks = sync_watermark
    rows = connection.execute(
        sa.select(marks.c.name, marks.c.value).where(marks.c.source == source)
    )
    return {row.name: row.value for row in rows}


def state_counts(connection: Connection, source: str) -> dict[str, int]:
    """How many movies are in which state; reads them all, so for operators alone."""
    rows = connection.exec_driver_sql(
        "select state, count(*) from sync_item where source = %(source)s group by state",
        {"source": source},
    )
    return {row[0]: row[1] for row in rows}
