"""What every loop of the background process shares: waiting, and outliving an outage."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import redis
import structlog
from prometheus_client import Gauge
from sqlalchemy import exc

from chassis.database import refusal_of
from chassis.errors import DeadlineExceeded, Exhausted, Refusal, Unavailable

log = structlog.get_logger()

LONGEST_WAIT_SECONDS = 5.0

loop_failures = Gauge("loop_failures", "Failures in a row of a background loop", ["loop"])
_REDIS_IS_AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.OutOfMemoryError,
    redis.ReadOnlyError,
)


def is_transient(error: BaseException) -> bool:
    """Whether trying the same thing later may work: something we need is not there now.

    A statement that ran into its time limit is not: it may do so each time.
    """
    if isinstance(error, _REDIS_IS_AWAY):
        return True
    if isinstance(error, Refusal):
        return isinstance(error, Unavailable | Exhausted | DeadlineExceeded)
    if isinstance(error, exc.SQLAlchemyError):
        return isinstance(refusal_of(error), Unavailable)
    return False


class Backoff:
    """Growing waits between tries, from a tenth of a second to five."""

    def __init__(self) -> None:
        self._next = 0.0

    def reset(self) -> None:
        """It worked: the next wait is short again."""
        self._next = 0.0

    def wait(self, stop: threading.Event) -> None:
        """Wait for the next try, or until `stop`."""
        self._next = min(LONGEST_WAIT_SECONDS, max(0.1, self._next * 2))
        stop.wait(self._next)


def keep_going(stop: threading.Event, what: str, step: Callable[[], None]) -> None:
    """Call `step` until `stop`; whatever it raises is logged, waited for and tried again.

    A loop that ended at its first surprise would stop a service's events without anyone noticing;
    so would one that fails for ever, but for its gauge.
    """
    backoff = Backoff()
    while not stop.is_set():
        try:
            step()
        except Exception as error:
            if is_transient(error):
                log.warning("waiting for a neighbour", loop=what, error=str(error))
            else:
                log.exception("a background step failed", loop=what)
            loop_failures.labels(what).inc()
            backoff.wait(stop)
        else:
            works(what)
            backoff.reset()


def works(what: str) -> None:
    """The loop has done what it is for; one whose step goes on for ever has to say so itself."""
    loop_failures.labels(what).set(0)


class Every:
    """Tells when something periodic is due; the first time at once, or after one period."""

    def __init__(self, period: timedelta | float, *, at_once: bool = False) -> None:
        self._seconds = period.total_seconds() if isinstance(period, timedelta) else period
        self._due_at = time.monotonic() + (0.0 if at_once else self._seconds)

    def due(self) -> bool:
        """Whether it is time; asking when it is starts the next period."""
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + self._seconds
        return True
