"""Chores: months of activity made ahead and dropped behind."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from analytics.operations import retention
from chassis.database import Database
from chassis.jobs import Chore, Job, JobFunction, Progress

MAKE_PARTITIONS = "make_partitions"
DROP_OLD_ACTIVITY = "drop_old_activity"

CHORES = (
    Chore(MAKE_PARTITIONS, every_seconds=6 * 3600),
    Chore(DROP_OLD_ACTIVITY, every_seconds=24 * 3600),
)


def job_functions(
    database: Database, retention_months: int, now: Callable[[], datetime]
) -> Mapping[str, JobFunction]:
    """The chores by their kind; each may run twice."""

    def make_partitions(_job: Job, _progress: Progress) -> None:
        retention.make_partitions(database, now())

    def drop_old_activity(_job: Job, _progress: Progress) -> dict[str, Any]:
        dropped = retention.drop_old_months(database, retention_months, now())
        forgotten = retention.forget(database, retention_months, now())
        return {"dropped": dropped, "forgotten_count": forgotten}

    return {MAKE_PARTITIONS: make_partitions, DROP_OLD_ACTIVITY: drop_old_activity}
