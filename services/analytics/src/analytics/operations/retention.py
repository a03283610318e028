"""Months made before they are needed, and dropped when they are past."""

from datetime import UTC, date, datetime, time, timedelta

import structlog

from analytics.domain.periods import HOURS_KEPT, month_after, month_of, months_around
from analytics.store import retention
from analytics.tables import activity_actor, recommendation_movie
from chassis.database import Database

_MONTHS_BEFORE, _MONTHS_AHEAD = 1, 3

_SEEN_KEPT = timedelta(days=45)
"""Longer than a client's event may be old, and than a stream can repeat."""

_PATIENCE_SECONDS = 600

log = structlog.get_logger()


def make_partitions(database: Database, at: datetime) -> None:
    """Make this month's partition, those of the next three, and the last for a clock set back."""
    for month in months_around(at, before=_MONTHS_BEFORE, after=_MONTHS_AHEAD):
        with database.begin() as connection:
            retention.make_partition(connection, month)


def drop_old_months(database: Database, kept_months: int, at: datetime) -> list[str]:
    """Drop whole months of activity, each in a transaction of its own; their names."""
    oldest = month_after(month_of(at), -kept_months)
    with database.begin() as connection:
        names = retention.partitions(connection)
    past = [name for name in names if name < retention.partition_of(oldest)]
    for name in past:
        with database.begin() as connection:
            retention.drop_partition(connection, name)
        log.info("activity dropped", partition=name)
    return past


def forget(database: Database, kept_months: int, at: datetime) -> int:
    """Delete what only served younger activity; answers how many rows those were."""
    oldest = _midnight(month_after(month_of(at), -kept_months))
    with database.begin(statement_timeout_seconds=_PATIENCE_SECONDS) as connection:
        return (
            retention.forget_hours(connection, at - HOURS_KEPT)
            + retention.forget_days(connection, [activity_actor, recommendation_movie], oldest)
            + retention.forget_seen(connection, at - _SEEN_KEPT)
            + retention.forget_deletions(connection, at - _SEEN_KEPT)
            + retention.forget_salts(connection, at.astimezone(UTC).date())
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
