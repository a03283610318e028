"""The worker: runs the jobs of one service, one a thread."""

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram
from sqlalchemy.engine import Connection

from chassis import telemetry
from chassis.database import Database
from chassis.jobs import table
from chassis.jobs.progress import Interrupted, LeaseLost, Progress
from chassis.jobs.waking import TICK_SECONDS, on_commit
from chassis.loops import Backoff, is_transient, keep_going
from chassis.signals import heed_signals

JobFunction = Callable[[table.Job, Progress], dict[str, Any] | None]

_LONGEST_RETRY = timedelta(minutes=5)
_FALLBACK_TICKS = 2
_KEEP_TRYING_SECONDS = 60.0
_DRAIN_SECONDS = 15.0
_CLOCKS_DIFFER = timedelta(minutes=1)
_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)

log = structlog.get_logger()
jobs_run = Counter("jobs_total", "Jobs by outcome", ["kind", "outcome"])
job_seconds = Histogram("job_seconds", "Time of a job's run", ["kind"], buckets=_BUCKETS)


@dataclass(frozen=True)
class Chore:
    """A job to be done once in each period."""

    kind: str
    every_seconds: int


class Worker:
    """Runs a service's jobs. Celery wakes it; without Celery it looks by itself, a little later."""

    def __init__(
        self,
        *,
        name: str,
        database: Database,
        redis_url: str,
        handlers: Mapping[str, JobFunction],
        chores: Sequence[Chore] = (),
        instance: str,
        concurrency: int = 2,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        from chassis.jobs.celery import Listener  # noqa: PLC0415 - heavy; workers alone need it

        unknown = {chore.kind for chore in chores} - set(handlers)
        if unknown:
            raise ValueError(f"chores nobody handles: {sorted(unknown)}")
        self._database = database
        self._handlers = dict(handlers)
        self._chores = tuple(chores)
        self._instance = instance
        self._concurrency = concurrency
        self._tick_seconds = tick_seconds
        self._stop = threading.Event()
        self._tick_asked = threading.Event()
        self._look = threading.Event()
        self._listener = Listener(
            name, redis_url, on_tick=self._tick_asked.set, on_wake=self._look.set
        )
        on_commit(database, self._look.set)

    def run(self, stop: threading.Event | None = None) -> None:
        """Run jobs until `stop`, or SIGTERM and SIGINT without one.

        A job that reports is cut off then and goes on elsewhere; others have a moment to end.
        """
        self._stop = _stop_on_signals() if stop is None else stop
        listener = threading.Thread(target=self._listener.run, args=(self._stop,), daemon=True)
        loops = [("ticker", self._tick_when_asked)]
        loops += [(f"runner {number}", self._look_and_run) for number in range(self._concurrency)]
        threads = [
            threading.Thread(target=keep_going, args=(self._stop, name, step), daemon=True)
            for name, step in loops
        ]
        for thread in (listener, *threads):
            thread.start()
        self._stop.wait()
        self._look.set()
        self._tick_asked.set()
        for thread in (*threads, listener):
            thread.join(_DRAIN_SECONDS)

    def run_waiting(self) -> int:
        """Run here and now what is due, one after another; answers how many jobs that were."""
        done = 0
        while self._run_one():
            done += 1
        return done

    def tick(self) -> None:
        """Enqueue chores that are due, take back what dead workers held."""
        now = datetime.now(UTC)
        with self._database.begin() as connection:
            for chore in self._chores:
                begins = int(now.timestamp()) // chore.every_seconds * chore.every_seconds
                since = datetime.fromtimestamp(begins, UTC) - _CLOCKS_DIFFER
                table.enqueue_once(
                    connection, chore.kind, key=f"{chore.kind}:{begins}", since=since
                )
            lost = table.sweep(connection)
        if lost:
            log.warning("jobs of a lost worker", job_count=lost)
        self._look.set()

    def _tick_when_asked(self) -> None:
        # Twice a tick without one: beat or Redis is down, so the clock here must do.
        self._tick_asked.wait(_FALLBACK_TICKS * self._tick_seconds)
        self._tick_asked.clear()
        if not self._stop.is_set():
            self.tick()

    def _look_and_run(self) -> None:
        if not self._run_one():
            self._look.wait(_FALLBACK_TICKS * self._tick_seconds)
            self._look.clear()

    def _run_one(self) -> bool:
        with self._database.begin() as connection:
            claimed = table.claim(connection, self._handlers, self._instance)
        if claimed is None:
            return False
        self._look.set()  # there may be more, and another thread that sleeps
        began = time.monotonic()
        name = f"job {claimed.job.kind}"
        with (
            telemetry.span(name, parent=claimed.traceparent, kind=SpanKind.CONSUMER),
            structlog.contextvars.bound_contextvars(job_id=str(claimed.job.job_id)),
            Progress(self._database, claimed, self._stop) as progress,
        ):
            outcome = self._perform(claimed, progress)
        jobs_run.labels(claimed.job.kind, outcome).inc()
        job_seconds.labels(claimed.job.kind).observe(time.monotonic() - began)
        return True

    def _perform(self, claimed: table.Claimed, progress: Progress) -> str:
        """Call the job's function and write down how it ended."""
        try:
            result = self._handlers[claimed.job.kind](claimed.job, progress)
            told = {} if progress.reported is None else {"progress": progress.reported}
            ours = self._settle(
                lambda connection: table.finish(connection, claimed, result, **told)
            )
        except LeaseLost:
            ours = False
        except Interrupted:
            self._give_back(claimed, "the worker stopped", timedelta(0), counts=False)
            return "interrupted"
        except Exception as error:
            counts = not is_transient(error)
            log.exception("job failed", kind=claimed.job.kind, attempt=claimed.job.attempt)
            trace = "".join(traceback.format_exception(error))
            self._give_back(claimed, trace, _retry_wait(claimed.job.attempt), counts=counts)
            return "failed" if counts else "postponed"
        if not ours:
            log.warning("job taken over by another worker", kind=claimed.job.kind)
        return "done" if ours else "lost"

    def _give_back(
        self, claimed: table.Claimed, error: str, wait: timedelta, *, counts: bool
    ) -> None:
        self._settle(
            lambda connection: table.give_back(
                connection, claimed, error=error, wait=wait, counts=counts
            )
        )

    def _settle(self, write: Callable[[Connection], bool]) -> bool:
        """Write a job's end; a database that is away for a moment must not cost the whole run.

        False when the job was no longer ours.
        """
        backoff, give_up_at = Backoff(), time.monotonic() + _KEEP_TRYING_SECONDS
        while True:
            try:
                with self._database.begin() as connection:
                    return write(connection)
            except Exception as error:
                if not is_transient(error) or time.monotonic() > give_up_at:
                    raise
                backoff.wait(threading.Event())


def _retry_wait(attempt: int) -> timedelta:
    return min(_LONGEST_RETRY, timedelta(seconds=5) * 2 ** max(0, attempt - 1))


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    heed_signals(stop)
    return stop
