"""After a commit that enqueued a job, somebody is told; after a rollback nobody needs to be."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from chassis.database import Database
from chassis.jobs.table import WAKE

TICK_SECONDS = 5.0
"""How often workers look although nobody has woken them."""


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


class Waker:
    """Tells a service's workers to look, without ever keeping its caller waiting or failing."""

    def __init__(self, name: str, redis_url: str) -> None:
        self._name = name
        self._redis_url = redis_url
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def wake(self) -> None:
        """Ask for a wake-up; several within one sending become one."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send, name="waker", daemon=True)
                self._thread.start()
        self._asked.set()

    def _send(self) -> None:
        from chassis.jobs.celery import waker  # noqa: PLC0415 - heavy; most processes never wake

        wake = waker(self._name, self._redis_url)
        while True:
            self._asked.wait()
            self._asked.clear()
            wake()
