"""After a commit that enqueued a job, somebody is told; after a rollback nobody needs to be."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from chassis.database import Database
from chassis.jobs.celery import Waker
from chassis.jobs.table import WAKE


def on_commit(database: Database, tell: Callable[[], None]) -> None:
    """Call `tell` when a connection that enqueued a job is back in the pool, its commit done."""

    def returned(_connection: Any, record: Any) -> None:
        if record.info.pop(WAKE, None):
            tell()

    event.listen(database.engine, "checkin", returned)


def wake_on_commit(database: Database, *, name: str, redis_url: str) -> None:
    """Have `enqueue` on this database wake the workers of service `name` at once.

    Without it, or with Redis down, they find the job at the next tick.
    """
    on_commit(database, Waker(name, redis_url).wake)
