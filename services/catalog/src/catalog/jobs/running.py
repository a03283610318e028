"""The life of a run: one at a time a stage, its counts, and what becomes of its errors."""

import errno
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import redis
import structlog
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from catalog.domain.sync import ALL_STAGES
from catalog.store import items, runs
from catalog.tmdb.budget import RateBudget
from catalog.tmdb.client import Access, Tmdb
from catalog.tmdb.errors import ExportUnusable, SourceDenied, SourceUnavailable
from chassis.database import Database, refusal_of
from chassis.errors import Conflict, Unavailable
from chassis.jobs import Interrupted, LeaseLost

_BUSY_POLL_SECONDS = 1.0
_NOT_YET = datetime.max.replace(tzinfo=UTC)
_COUNTING_MOVIES = ("backfill", "delta")
_DISK_FULL = "53100"
_HELD_UP = ("55P03", "40P01")  # waited too long for a lock, or for each other
_SILENCE_SECONDS = 5.0
QUEUE_SECONDS = 900
"""For a statement that may change the whole queue."""

Result = TypeVar("Result")

log = structlog.get_logger()


class StageBusy(Conflict):
    """Another run of that stage is under way."""


@dataclass(frozen=True)
class Sync:
    """What every stage works with."""

    database: Database
    cache: redis.Redis
    access: Access
    budget: RateBudget
    source: str
    export_url: str
    adult_export: bool
    languages: tuple[str, ...]
    list_pages: int
    batch_size: int
    settle_seconds: int
    refresh_after_days: int
    refresh_limit: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass
class Run:
    """A run under way; `tell` hears of each step and may raise to interrupt it."""

    run_id: UUID
    stage: str
    parameters: Mapping[str, Any]
    tell: Callable[["Run"], None]
    stage_now: str = ""
    began_at: datetime = _NOT_YET
    done_count: int = 0
    changed_count: int = 0
    quarantined_count: int = 0
    remaining_count: int = -1
    began: float = field(default_factory=time.monotonic)
    trouble: str = ""

    @property
    def rate(self) -> float:
        """Records a second so far."""
        return self.done_count / max(time.monotonic() - self.began, 0.001)

    def add(
        self,
        connection: Connection,
        *,
        done: int = 0,
        changed: int = 0,
        quarantined: int = 0,
        requests: int = 0,
        remaining: int | None = None,
    ) -> None:
        """Count a step, in the transaction that did it.

        A run of all stages counts movies alone: its figures are what people watch.
        """
        if self.stage == ALL_STAGES and self.stage_now not in _COUNTING_MOVIES:
            done = changed = 0
        runs.report(
            connection,
            self.run_id,
            done=done,
            changed=changed,
            quarantined=quarantined,
            requests=requests,
            remaining=remaining,
        )
        self.done_count += done
        self.changed_count += changed
        self.quarantined_count += quarantined
        self.remaining_count = self.remaining_count if remaining is None else remaining


class Watch:
    """What holds a run up while it waits for TMDb, told on the run itself."""

    def __init__(self, sync: Sync, run: Run, tmdb: Tmdb) -> None:
        self._sync = sync
        self._run = run
        self._tmdb = tmdb
        self._answers_count = tmdb.answers_count
        self._answered_at = time.monotonic()

    def tell(self) -> None:
        """Look at TMDb, and let the run's own listener interrupt it."""
        if self._tmdb.answers_count != self._answers_count:
            self._answers_count = self._tmdb.answers_count
            self._answered_at = time.monotonic()
        is_silent = time.monotonic() - self._answered_at > _SILENCE_SECONDS
        trouble = (self._tmdb.trouble or "TMDb does not answer yet") if is_silent else ""
        if trouble != self._run.trouble:
            self._run.trouble = trouble
            with self._sync.database.begin() as connection:
                runs.hold_up(connection, self._run.run_id, trouble)
        self._run.tell(self._run)


def patiently(run: Run, write: Callable[[], Result]) -> Result:
    """A transaction, begun again when others have held it up too long: a census changes all of the
    queue at once. It must leave nothing behind when it fails, so it counts last."""
    while True:
        try:
            return write()
        except exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in _HELD_UP:
                raise
            log.info("held up by others who write", stage=run.stage_now)
            run.tell(run)


Stage = Callable[[Sync, Run], None]


@contextmanager
def held(sync: Sync, run: Run, stage: str, *, wait: bool) -> Generator[Connection, None, None]:
    """A stage that nobody else runs for the length of the block, and the connection it hangs on."""
    with sync.database.read() as guard:
        while not runs.try_lock(guard, stage, sync.source):
            if not wait:
                raise StageBusy(f"the stage {stage} is running already")
            run.tell(run)
            time.sleep(_BUSY_POLL_SECONDS)
        try:
            runs.bury_dead(guard, run.run_id, stage, sync.source)
            items.release_dead(guard)
            yield guard
        finally:
            _let_go(guard, stage, sync.source)


def _let_go(guard: Connection, stage: str, source: str) -> None:
    if guard.invalidated or guard.closed:
        return
    try:
        runs.unlock(guard, stage, source)
    except exc.DBAPIError as error:
        # The lock ends with its connection, which nobody else shall have; what came before counts.
        log.warning("a stage's connection is given up", stage=stage, error=type(error).__name__)
        guard.invalidate()


def perform(sync: Sync, run: Run, stage: Stage, *, wait: bool) -> None:
    """Run a stage to its end; whatever stops it stands on the run as a clear sentence."""
    with held(sync, run, run.stage, wait=wait) as guard:
        try:
            # By the database's clock, which also stamps what is fetched.
            run.began_at = runs.start(guard, run.run_id)
            stage(sync, run)
            runs.finish(guard, run.run_id)
        except (SourceDenied, ExportUnusable) as error:
            # Trying again would change nothing: somebody has to look.
            log.error("sync stopped", stage=run.stage, error=str(error))  # noqa: TRY400
            _note(sync, run, partial(runs.finish, error=str(error)))
            raise
        except SourceUnavailable as error:
            _note(sync, run, partial(runs.finish, error=f"{error}; will be tried again"))
            raise Unavailable(str(error)) from error
        except LeaseLost:
            raise  # another worker has this run by now: what stands on it is that one's
        except Interrupted:
            _note(sync, run, runs.requeue)
            raise
        except KeyboardInterrupt:
            _note(sync, run, partial(runs.finish, error="interrupted by its operator"))
            raise
        except Exception as error:
            _fail(sync, run, error)
            raise


def _fail(sync: Sync, run: Run, error: Exception) -> None:
    """Note what stopped the run; Unavailable where it may get better by itself."""
    ailment = _what_ails_us(error)
    _note(sync, run, partial(runs.finish, error=ailment or _first_line(error)))
    if ailment:
        raise Unavailable(ailment) from error


def _what_ails_us(error: Exception) -> str:
    """What somebody has to be told whose database or disk is no longer of use; '' when it is not
    that."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk for temporary files is full; will be tried again"
    orig = error.orig if isinstance(error, exc.DBAPIError) else None
    if getattr(orig, "pgcode", None) == _DISK_FULL:
        return "the database's disk is full; nothing was lost, and it will be tried again"
    if isinstance(refusal_of(error), Unavailable):
        return "the database is not available; will be tried again"
    return ""


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:500]


def _note(sync: Sync, run: Run, write: Callable[[Connection, UUID], None]) -> None:
    """On a connection of its own: the guard may be what broke."""
    try:
        with sync.database.begin() as connection:
            write(connection, run.run_id)
    except Exception:
        log.exception("a run's end could not be stored", stage=run.stage)
