"""The worker: runs the jobs of one service, one a thread."""

import random
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
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

_FIRST_RETRY_SECONDS = 5.0
_LONGEST_RETRY_SECONDS = 300.0
_LONGEST_POSTPONEMENT_SECONDS = 60.0
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


@dataclass(frozen=True)
class _Lane:
    """Jobs of some kinds, and threads that do nothing else."""

    handlers: Mapping[str, JobFunction]
    threads_count: int
    look: threading.Event = field(default_factory=threading.Event)


class Worker:
    """Runs a service's jobs. Celery wakes it; without Celery it looks by itself, a little later.

    Those that are `urgent` have a thread of their own beside: they wait for one another alone, and
    nobody else for them.
    """

    def __init__(
        self,
        *,
        name: str,
        database: Database,
        redis_url: str,
        handlers: Mapping[str, JobFunction],
        urgent: Mapping[str, JobFunction] = MappingProxyType({}),
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
        self._lanes = [_Lane(handlers, concurrency)] + ([_Lane(urgent, 1)] if urgent else [])
        self._chores = tuple(chores)
        self._instance = instance
        self._tick_seconds = tick_seconds
        self._stop = threading.Event()
        self._tick_asked = threading.Event()
        self._listener = Listener(name, redis_url, on_tick=self._tick_asked.set, on_wake=self._look)
        on_commit(database, self._look)

    def run(self, stop: threading.Event | None = None) -> None:
        """Run jobs until `stop`, or SIGTERM and SIGINT without one.

        A job that reports is cut off then and goes on elsewhere; others have a moment to end.
        """
        self._stop = _stop_on_signals() if stop is None else stop
        listener = threading.Thread(target=self._listener.run, args=(self._stop,), daemon=True)
        lanes = [lane for lane in self._lanes for _ in range(lane.threads_count)]
        loops: list[tuple[str, Callable[[], None]]] = [("ticker", self._tick_when_asked)]
        loops += [
            (f"runner {number}", partial(self._look_and_run, lane))
            for number, lane in enumerate(lanes)
        ]
        threads = [
            threading.Thread(target=keep_going, args=(self._stop, name, step), daemon=True)
            for name, step in loops
        ]
        for thread in (listener, *threads):
            thread.start()
        self._stop.wait()
        self._look()
        self._tick_asked.set()
        for thread in (*threads, listener):
            thread.join(_DRAIN_SECONDS)

    def run_waiting(self) -> int:
        """Run here and now what is due, one after another; answers how many jobs that were."""
        done = 0
        while any(self._run_one(lane) for lane in self._lanes):
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
        self._look()

    def _tick_when_asked(self) -> None:
        # Twice a tick without one: beat or Redis is down, so the clock here must do.
        self._tick_asked.wait(_FALLBACK_TICKS * self._tick_seconds)
        self._tick_asked.clear()
        if not self._stop.is_set():
            self.tick()

    def _look(self) -> None:
        for lane in self._lanes:
            lane.look.set()

    def _look_and_run(self, lane: _Lane) -> None:
        if not self._run_one(lane):
            lane.look.wait(_FALLBACK_TICKS * self._tick_seconds)
            lane.look.clear()

    def _run_one(self, lane: _Lane) -> bool:
        with self._database.begin() as connection:
            claimed = table.claim(connection, lane.handlers, self._instance)
        if claimed is None:
            return False
        lane.look.set()  # there may be more, and another thread that sleeps
        began = time.monotonic()
        name = f"job {claimed.job.kind}"
        with (
            telemetry.span(name, parent=claimed.traceparent, kind=SpanKind.CONSUMER),
            structlog.contextvars.bound_contextvars(job_id=str(claimed.job.job_id)),
            Progress(self._database, claimed, self._stop) as progress,
        ):
            outcome = self._perform(claimed, lane.handlers[claimed.job.kind], progress)
        jobs_run.labels(claimed.job.kind, outcome).inc()
        job_seconds.labels(claimed.job.kind).observe(time.monotonic() - began)
        return True

    def _perform(self, claimed: table.Claimed, function: JobFunction, progress: Progress) -> str:
        """Call the job's function and write down how it ended."""
        began = time.monotonic()
        try:
            result = function(claimed.job, progress)
            told = {} if progress.reported is None else {"progress": progress.reported}
            ours = self._settle(
                lambda connection: table.finish(connection, claimed, result, **told)
            )
        except LeaseLost:
            ours = False
        except Interrupted:
            self._give_back(claimed, error="the worker stopped", wait=timedelta(0), counts=False)
            return "interrupted"
        except Exception as error:
            log.exception("job failed", kind=claimed.job.kind, attempt=claimed.job.attempt)
            return self._again_later(claimed, error, ran_seconds=time.monotonic() - began)
        if not ours:
            log.warning("job taken over by another worker", kind=claimed.job.kind)
        return "done" if ours else "lost"

    def _again_later(self, claimed: table.Claimed, error: Exception, *, ran_seconds: float) -> str:
        trace = "".join(traceback.format_exception(error))
        if not is_transient(error):
            wait = _retry_wait(claimed.job.attempt, _LONGEST_RETRY_SECONDS)
            self._give_back(claimed, error=trace, wait=wait, counts=True)
            return "failed"
        got_on = ran_seconds > _LONGEST_POSTPONEMENT_SECONDS
        in_a_row = 1 if got_on else claimed.postponed_count + 1
        wait = _retry_wait(in_a_row, _LONGEST_POSTPONEMENT_SECONDS)
        self._give_back(claimed, error=trace, wait=wait, counts=False, postponed_count=in_a_row)
        return "postponed"

    def _give_back(self, claimed: table.Claimed, **how: Any) -> None:
        self._settle(lambda connection: table.give_back(connection, claimed, **how))

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


def _retry_wait(tries: int, longest_seconds: float) -> timedelta:
    """Twice as long each time, and never the same for all that failed together."""
    doubled = _FIRST_RETRY_SECONDS * 2 ** min(10, max(0, tries - 1))
    chance = random.uniform(0.5, 1.0)  # noqa: S311 - jitter guards nothing
    return timedelta(seconds=min(longest_seconds, doubled) * chance)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    heed_signals(stop)
    return stop
