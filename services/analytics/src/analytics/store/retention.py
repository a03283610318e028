"""Partitions made ahead and dropped, and what has outlived its use."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from analytics.domain.periods import month_after
from analytics.tables import ROLLUPS, activity_deletion, activity_seen, pseudonym_salt

_partitions = sa.text(
    "select inhrelid::regclass::text from pg_inherits "
    "where inhparent = 'user_activity'::regclass order by 1"
)


def partition_of(month: date) -> str:
    """Name of the partition that holds what was received in the month."""
    return f"user_activity_{month:%Y_%m}"


def partitions(connection: Connection) -> list[str]:
    """Names of those there are, oldest first."""
    return list(connection.execute(_partitions).scalars())


def make_partition(connection: Connection, month: date) -> None:
    """Make a month's partition; nothing if it is there."""
    # Looked up first: `if not exists` alone would lock the parent against every writer.
    name, end = partition_of(month), month_after(month, 1)
    if connection.execute(sa.select(sa.func.to_regclass(name))).scalar() is None:
        connection.execute(
            sa.text(
                f"create table if not exists {name} partition of user_activity "
                f"for values from ('{month} 00:00:00+00') to ('{end} 00:00:00+00')"
            )
        )


def drop_partition(connection: Connection, name: str) -> None:
    """Drop a month; `name` is one of `partitions`."""
    connection.execute(sa.text(f"drop table {name}"))


def forget_hours(connection: Connection, before: datetime) -> int:
    """Delete rollups by the hour from before then."""
    return sum(
        connection.execute(
            sa.delete(table).where(table.c.granularity == "hour", table.c.bucket < before)
        ).rowcount
        for table in ROLLUPS
    )


def forget_days(connection: Connection, tables: Sequence[sa.Table], before: datetime) -> int:
    """Delete the daily rows of these rollups from before then."""
    return sum(
        connection.execute(
            sa.delete(table).where(table.c.granularity == "day", table.c.bucket < before)
        ).rowcount
        for table in tables
    )


def forget_seen(connection: Connection, before: datetime) -> int:
    """Delete what was seen before then; nothing that old can come again."""
    return connection.execute(
        sa.delete(activity_seen).where(activity_seen.c.created_at < before)
    ).rowcount


def forget_deletions(connection: Connection, before: datetime) -> int:
    """Forget deletions from before then; nothing that old can come any more."""
    return connection.execute(
        sa.delete(activity_deletion).where(activity_deletion.c.deleted_at < before)
    ).rowcount


def forget_salts(connection: Connection, before: date) -> int:
    """Cut what ties the pseudonyms of days before then to people."""
    return connection.execute(
        sa.delete(pseudonym_salt).where(pseudonym_salt.c.day < before)
    ).rowcount
