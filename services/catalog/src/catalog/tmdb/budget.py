"""The shared allowance of requests: never over the cap, less when TMDb complains.

Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP does it.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 1.0
_LOWEST_SHARE = 1 / 16
_FULL_RECOVERY_SECONDS = 45.0
_HALVED_AT_MOST_EVERY_SECONDS = 1.0


class RateBudget:
    """Hands out moments to send at; shared by all runs of a process, whatever their event loop."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._cap = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = float(per_second)
        self._rate_at = clock()
        self._halved_at = float("-inf")
        self._paused_until = float("-inf")
        self._next_slot = float("-inf")
        self._slots: deque[float] = deque(maxlen=per_second)

    @property
    def rate(self) -> float:
        """Requests a second that are allowed now."""
        with self._lock:
            self._recover(self._clock())
            return self._rate

    async def acquire(self) -> None:
        """Wait for a moment at which one request may be sent."""
        with self._lock:
            delay = self._reserve()
        if delay > 0:
            await asyncio.sleep(delay)

    def complain(self, retry_after_seconds: float | None = None) -> None:
        """A 429 or 5xx: halve the rate, and be silent for as long as TMDb asks."""
        with self._lock:
            now = self._clock()
            self._recover(now)
            if now - self._halved_at >= _HALVED_AT_MOST_EVERY_SECONDS:
                self._rate = max(self._rate / 2, self._cap * _LOWEST_SHARE, 0.5)
                self._halved_at = now
            if retry_after_seconds:
                self._paused_until = max(self._paused_until, now + retry_after_seconds)

    def _reserve(self) -> float:
        """Seconds until the reserved moment.

        Moments are evenly spaced, and a full second behind the one that came `cap` earlier: even
        if the event loop is late and sends several at once, the moments themselves keep the cap.
        """
        now = self._clock()
        self._recover(now)
        moment = max(now, self._paused_until, self._next_slot)
        if len(self._slots) == self._cap:
            moment = max(moment, self._slots[0] + _WINDOW_SECONDS)
        self._slots.append(moment)
        self._next_slot = moment + 1.0 / self._rate
        return moment - now

    def _recover(self, now: float) -> None:
        gained = (now - self._rate_at) * self._cap / _FULL_RECOVERY_SECONDS
        self._rate = min(float(self._cap), self._rate + gained)
        self._rate_at = now
