"""How far a running job is, and whether it is still ours to run."""

import threading
import time
from typing import Any

import structlog
from sqlalchemy import exc

from chassis.database import Database
from chassis.jobs import table

HEARTBEAT_SECONDS = 5.0
_REPORT_SECONDS = 0.5

log = structlog.get_logger()


class Interrupted(Exception):
    """Raised in a job's function by `report` and `checkpoint` when the worker is asked to stop."""


class LeaseLost(Interrupted):
    """Someone else runs this job by now: whatever this run still does is in vain."""


class Progress:
    """What a job's function reports to; keeps the job's lease meanwhile."""

    def __init__(
        self,
        database: Database,
        claimed: table.Claimed,
        stop: threading.Event,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._database = database
        self._claimed = claimed
        self._stop = stop
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._heartbeat_seconds = heartbeat_seconds
        self._reported_at = 0.0
        self._reported: dict[str, Any] | None = None
        self._saved = dict(claimed.checkpoint)
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def saved(self) -> dict[str, Any]:
        """The last checkpoint, of this run or of one that was cut off; empty at the beginning."""
        return dict(self._saved)

    @property
    def reported(self) -> dict[str, Any] | None:
        """The last report, written or not."""
        return self._reported

    def report(self, done: int, total: int | None = None, **facts: Any) -> None:
        """Tell how far it is; cheap, and written twice a second at most."""
        self._check()
        self._reported = {"done": done, "total": total, **facts}
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_SECONDS or done == total:
            self._reported_at = now
            self._write(progress=self._reported)

    def checkpoint(self, place: dict[str, Any]) -> None:
        """Keep where to go on from, should this run be cut off."""
        self._check()
        self._write(checkpoint=place)
        self._saved = dict(place)

    def _check(self) -> None:
        if self._lost.is_set():
            raise LeaseLost
        if self._stop.is_set():
            raise Interrupted

    def _write(self, **values: Any) -> None:
        with self._database.begin() as connection:
            if not table.renew(connection, self._claimed, **values):
                self._lost.set()
                raise LeaseLost

    def _beat(self) -> None:
        while not self._ended.wait(self._heartbeat_seconds):
            try:
                with self._database.begin() as connection:
                    if not table.renew(connection, self._claimed):
                        self._lost.set()
                        return
            except exc.SQLAlchemyError as error:
                log.warning("heartbeat missed", error=str(error))
