"""Activity itself: counted once, copied in, listed, deleted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from io import StringIO
from typing import Any, cast
from uuid import UUID

import psycopg2
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from analytics.domain.activities import Activity
from analytics.tables import (
    activity_actor,
    activity_deletion,
    pseudonym_salt,
    user_activity,
)
from chassis.database import without_rows
from chassis.errors import Unavailable

Cursor = tuple[datetime, UUID]
"""Where a page ended: time and id of its last activity."""

BEFORE_ALL: Cursor = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))

_DELETION_LOCK = 0x64656C657465  # "delete": shared while storing, exclusive while deleting
_CHECK_VIOLATION = "23514"

_COPIED = (
    "received_at",
    "activity_id",
    "user_id",
    "pseudonym",
    "activity_type",
    "movie_id",
    "metadata",
    "address",
    "agent",
    "occurred_at",
)
_COPY = f"copy user_activity ({', '.join(_COPIED)}) from stdin"
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

# As a rule all are new, or none is after a replay: then the keys need not travel back.
_newly_seen = sa.text("""
    with new as (
        insert into activity_seen (event_key) select unnest(cast(:keys as uuid[]))
        on conflict do nothing returning event_key
    )
    select count(*), case when count(*) not in (0, :asked)
        then array_agg(cast(event_key as text)) end from new
""")

_shared_lock = sa.select(sa.func.pg_advisory_xact_lock_shared(_DELETION_LOCK))
_lock = sa.select(sa.func.pg_advisory_xact_lock(_DELETION_LOCK))


@dataclass(frozen=True)
class Summary:
    """What a person's activity adds up to."""

    counts: dict[str, int]
    days: list[date]
    first_activity_at: datetime | None
    last_activity_at: datetime | None


def commit_soon(connection: Connection) -> None:
    """Let this transaction be committed before it is on disk: a crash may lose the last moment."""
    connection.execute(sa.text("set local synchronous_commit = off"))


def keep_deletions_out(connection: Connection) -> None:
    """Until the commit nobody deletes activity: what is stored now is either seen by a deletion
    or sees it."""
    connection.execute(_shared_lock)


def keep_all_out(connection: Connection) -> None:
    """Until the commit nobody stores or deletes activity."""
    connection.execute(_lock)


def deletions_of(
    connection: Connection, user_ids: Collection[UUID]
) -> Mapping[tuple[UUID, str], datetime]:
    """When people last had a type of activity deleted; the type '' is all of them."""
    asked = sa.select(activity_deletion).where(
        activity_deletion.c.user_id == sa.func.any(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
    )
    rows = connection.execute(asked, {"ids": list(user_ids)})
    return {(row.user_id, row.activity_type): row.deleted_at for row in rows}


def newly_seen(connection: Connection, event_keys: Collection[str]) -> Collection[str]:
    """Those never seen before, seen from the commit on."""
    ordered = sorted(event_keys)  # two who store the same wait, but never deadlock
    parameters = {"keys": "{" + ",".join(ordered) + "}", "asked": len(ordered)}
    count, some = connection.execute(_newly_seen, parameters).one()
    if count in (0, len(ordered)):
        return event_keys if count else ()
    return {key.replace("-", "") for key in some}


def copy_in(connection: Connection, activities: Sequence[Activity]) -> None:
    """Append activities by COPY, each to the partition of the month it was received in."""
    lines = StringIO("".join(map(_line, activities)))
    cursor = cast(Any, connection.connection).cursor()
    try:
        cursor.copy_expert(_COPY, lines)
    except psycopg2.Error as error:
        raise _translated(error) from error
    finally:
        cursor.close()


def page(
    connection: Connection, user_id: UUID, activity_type: str, *, after: Cursor, size: int
) -> list[Activity]:
    """A person's activity, newest first; one more than `size` when there is more."""
    place = sa.tuple_(sa.literal(after[0]), sa.literal(after[1], sa.Uuid))
    statement = (
        sa.select(*[_column(name) for name in _COPIED])
        .where(user_activity.c.user_id == user_id)
        .where(sa.tuple_(user_activity.c.occurred_at, user_activity.c.activity_id) < place)
        .order_by(user_activity.c.occurred_at.desc(), user_activity.c.activity_id.desc())
        .limit(size + 1)
    )
    if activity_type:
        statement = statement.where(user_activity.c.activity_type == activity_type)
    return [Activity(**row) for row in connection.execute(statement).mappings()]


def delete(connection: Connection, user_id: UUID, activity_type: str, at: datetime) -> int:
    """Delete a person's activity, and keep out what of that time is still on its way."""
    remembered = insert(activity_deletion).values(
        user_id=user_id, activity_type=activity_type, deleted_at=at
    )
    latest = sa.func.greatest(activity_deletion.c.deleted_at, remembered.excluded.deleted_at)
    connection.execute(
        remembered.on_conflict_do_update(
            index_elements=["user_id", "activity_type"],
            set_={"deleted_at": latest, "updated_at": sa.func.now()},
        )
    )
    activities = sa.delete(user_activity).where(user_activity.c.user_id == user_id)
    if activity_type:
        activities = activities.where(user_activity.c.activity_type == activity_type)
    return connection.execute(activities).rowcount


def forget(connection: Connection, user_id: UUID) -> int:
    """Delete all that names a person, also that they deleted before; how many rows that were."""
    connection.execute(_lock)
    owners = (user_activity.c.user_id, activity_actor.c.actor, activity_deletion.c.user_id)
    return sum(
        connection.execute(sa.delete(owner.table).where(owner == user_id)).rowcount
        for owner in owners
    )


def summary(connection: Connection, user_id: UUID, since: datetime | None) -> Summary:
    """Counts by type, and the days (UTC) with any activity."""
    conditions = [user_activity.c.user_id == user_id]
    if since is not None:
        conditions.append(user_activity.c.occurred_at >= since)
    moment = user_activity.c.occurred_at
    counted = (
        sa.select(
            user_activity.c.activity_type,
            sa.func.count().label("number"),
            sa.func.min(moment).label("first_at"),
            sa.func.max(moment).label("last_at"),
        )
        .where(*conditions)
        .group_by(user_activity.c.activity_type)
        .order_by(sa.desc("number"), user_activity.c.activity_type)
    )
    day = sa.cast(sa.func.timezone("UTC", moment), sa.Date)
    active = sa.select(day.label("day")).where(*conditions).distinct().order_by("day")
    rows = connection.execute(counted).all()
    return Summary(
        counts={row.activity_type: row.number for row in rows},
        days=list(connection.execute(active).scalars()),
        first_activity_at=min((row.first_at for row in rows), default=None),
        last_activity_at=max((row.last_at for row in rows), default=None),
    )


def salt_of(connection: Connection, day: date, fresh: bytes) -> bytes:
    """The salt of a day's pseudonyms, `fresh` if there is none yet; older ones are forgotten."""
    asked = sa.select(pseudonym_salt.c.salt).where(pseudonym_salt.c.day == day)
    salt = connection.execute(asked).scalar()
    if salt is None:
        new = insert(pseudonym_salt).values(day=day, salt=fresh).on_conflict_do_nothing()
        connection.execute(new)
        connection.execute(sa.delete(pseudonym_salt).where(pseudonym_salt.c.day < day))
        salt = connection.execute(asked).scalar_one()
    return bytes(salt)


def _line(activity: Activity) -> str:
    """A row in COPY's text format."""
    received_at, activity_id, user_id, pseudonym, kind, movie_id, metadata, address, agent, at = (
        activity
    )
    return (
        f"{_moment(received_at)}\t{activity_id.int:032x}\t{_id(user_id)}\t{_id(pseudonym)}\t{kind}\t"
        f"{movie_id or _NULL}\t{_text(metadata)}\t{address or _NULL}\t{_text(agent)}\t{at}\n"
    )


@lru_cache(maxsize=16)
def _moment(value: datetime) -> str:
    """One that many rows share."""
    return value.isoformat()


def _id(value: UUID | None) -> str:
    return _NULL if value is None else f"{value.int:032x}"


def _text(value: str | None) -> str:
    """A text in COPY's text format."""
    if value is None:
        return _NULL
    plain = value.isprintable() and "\\" not in value
    return value if plain else value.translate(_ESCAPES)


def _translated(error: psycopg2.Error) -> Exception:
    """What SQLAlchemy would have made of it; a month without partition will have one soon."""
    if error.pgcode == _CHECK_VIOLATION and error.diag.constraint_name is None:
        return Unavailable("there is no partition for what is received now")
    return exc.DBAPIError.instance(_COPY, None, without_rows(error), psycopg2.Error)


def _column(name: str) -> Any:
    """JSON and addresses as the text they go out as."""
    column = user_activity.c[name]
    return sa.cast(column, sa.Text).label(name) if name in {"metadata", "address"} else column
