"""One service's part in erasing a person: told by an event, done by jobs, acknowledged."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import redis
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from chassis.database import Database
from chassis.erasure.tombstones import Tombstones
from chassis.erasure.traces import Rewriter, forget_entries, forget_rows, require_heard
from chassis.jobs import Job, JobFunction, Progress, enqueue
from chassis.outbox import wait_for_publishers
from chassis.tables import erasure

_KIND = "erase_person"
_SETTLING = timedelta(seconds=3)
"""Calls that were let in before the person's sessions ended are over by then."""
_ATTEMPTS = 1_000_000
_STATEMENT_SECONDS = 300

log = structlog.get_logger()


def begin(connection: Connection, tombstones: Tombstones, erasure_id: UUID, user_id: UUID) -> None:
    """From the commit on the person is known as erased; who was before stays so."""
    values = {"erasure_id": erasure_id, "pseudonym": tombstones.of(user_id), "user_id": user_id}
    connection.execute(insert(erasure).values(values).on_conflict_do_nothing())


def unfinished_user(connection: Connection, erasure_id: UUID) -> UUID | None:
    """Whom it is about, until nothing of them is left."""
    statement = sa.select(erasure.c.user_id).where(erasure.c.erasure_id == erasure_id)
    return connection.execute(statement).scalar_one_or_none()


def finish(connection: Connection, erasure_id: UUID) -> None:
    """Nothing of the person is left, and this forgets whose erasure it was."""
    connection.execute(
        sa.update(erasure)
        .where(erasure.c.erasure_id == erasure_id)
        .values(user_id=None, finished_at=sa.func.now(), updated_at=sa.func.now())
    )


@dataclass(frozen=True)
class Eraser:
    """Erases people from one service.

    A first job deletes at once. A second, a moment later, deletes what calls left that were under
    way, then messages, jobs and stream entries, and acknowledges. Both may run any number of times.
    """

    database: Database
    streams: redis.Redis
    tombstones: Tombstones
    forget: Callable[[Connection, UUID], int]
    """Deletes the service's own rows of a person; answers how many."""
    acknowledge: Callable[[UUID, int], object]
    """Tells whoever asked that the erasure of this id is done, and how many rows it took."""
    own_streams: Sequence[str]
    """Streams this service is to rid of the person: those it writes to."""
    rewriters: Mapping[str, Rewriter] = field(default_factory=dict[str, Rewriter])
    hearers: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    """Consumers of this database that follow its own events, and the types they count."""

    def request(self, connection: Connection, erasure_id: UUID, user_id: UUID) -> None:
        """What the event's handler calls."""
        begin(connection, self.tombstones, erasure_id, user_id)
        for last, run_after in ((False, None), (True, datetime.now(UTC) + _SETTLING)):
            enqueue(
                connection,
                _KIND,
                key=f"{erasure_id}:{'last' if last else 'first'}",
                payload={"erasure_id": str(erasure_id), "last": last},
                run_after=run_after,
                max_attempts=_ATTEMPTS,
            )

    @property
    def functions(self) -> Mapping[str, JobFunction]:
        """The job, for the service's worker."""
        return {_KIND: self.erase}

    def erase(self, job: Job, _progress: Progress) -> dict[str, Any] | None:
        """Delete; the last time also what only messages hold, and acknowledge."""
        erasure_id = UUID(job.payload["erasure_id"])
        with self.database.read() as connection:
            user_id = unfinished_user(connection, erasure_id)
        if user_id is None:
            return None
        with self._transaction() as connection:
            self._count(connection, erasure_id, self.forget(connection, user_id))
        if not job.payload["last"]:
            return None
        self._forget_entries(user_id)
        with self._transaction() as connection:
            require_heard(connection, user_id, self.hearers)
            deleted = forget_rows(connection, user_id, self.rewriters, by=job.job_id)
            self._count(connection, erasure_id, deleted)
        with self._transaction() as connection:
            wait_for_publishers(connection)
        self._forget_entries(user_id)  # what was published again meanwhile
        deleted = self._counted(erasure_id)
        self.acknowledge(erasure_id, deleted)
        with self.database.begin() as connection:
            finish(connection, erasure_id)
        log.info("person erased", erasure_id=str(erasure_id), deleted_rows_count=deleted)
        return {"deleted_rows_count": deleted}

    def _forget_entries(self, user_id: UUID) -> None:
        for stream in self.own_streams:
            forget_entries(self.streams, stream, user_id)

    def _transaction(self) -> Any:
        return self.database.begin(statement_timeout_seconds=_STATEMENT_SECONDS)

    def _count(self, connection: Connection, erasure_id: UUID, deleted: int) -> None:
        connection.execute(
            sa.update(erasure)
            .where(erasure.c.erasure_id == erasure_id)
            .values(deleted_rows_count=erasure.c.deleted_rows_count + deleted)
        )

    def _counted(self, erasure_id: UUID) -> int:
        with self.database.read() as connection:
            statement = sa.select(erasure.c.deleted_rows_count)
            return connection.execute(
                statement.where(erasure.c.erasure_id == erasure_id)
            ).scalar_one()
