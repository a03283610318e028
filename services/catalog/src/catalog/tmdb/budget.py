"""The shared allowance of requests: never over the cap, less when TMDb complains.

Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP does it.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from uuid import uuid4

_WINDOW_SECONDS = 1.0
_LOWEST_SHARE = 1 / 16
_FULL_RECOVERY_SECONDS = 45.0
_HALVED_AT_MOST_EVERY_SECONDS = 1.0
_CROWDED_SECONDS = 0.01
_SLOWEST = 0.5
_SHARE_SECONDS = 1.5
_SILENCE_SECONDS = 0.1


class RateBudget:
    """Hands out turns to ask; shared by all runs of a process, whatever their event loop, and with
    other processes as `share` says.

    TMDb counts a request when it arrives, which is somewhere between our sending it and its
    answer. A turn therefore counts from its beginning until a second after its end: so no second
    at TMDb holds more than the cap, however long requests were under way.
    """

    FORGOTTEN_SECONDS = 3.0
    """Without a sign of life for so long, a process has sent nothing within TMDb's second."""

    def __init__(
        self,
        per_second: int,
        at_once: int = 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.speaker_id = uuid4()
        self._whole_cap = self._cap = per_second
        self._all_at_once = self._at_once = at_once
        self._share_until = self._silent_until = float("-inf")
        self._is_shared = False
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = float(per_second)
        self._rate_at = clock()
        self._halved_at = float("-inf")
        self._paused_until = float("-inf")
        self._next_moment = float("-inf")
        self._under_way = 0
        self._ended: deque[float] = deque()

    @property
    def rate(self) -> float:
        """Requests a second that are allowed now."""
        with self._lock:
            self._recover(self._clock())
            return self._rate

    @property
    def cap(self) -> int:
        """Our share of the cap."""
        with self._lock:
            return self._cap

    def turn(self) -> "Turn":
        """`async with` it: one request, as soon as one may be sent."""
        return Turn(self)

    async def begin(self) -> None:
        """Wait until one request may be sent; `end` must follow."""
        delay = self._moment() or self._begin()
        while delay > 0:
            await asyncio.sleep(delay)
            delay = self._begin()

    def end(self) -> None:
        """The request is over."""
        with self._lock:
            self._under_way -= 1
            self._ended.append(self._clock())

    def share(self, rank: int, count: int, at: float, lap: int = 0) -> None:
        """We are one of `count` processes, `rank` the number of those before us, as of `at`.

        A share holds only for so long: who does not hear how many there are falls silent. So a
        newcomer that waits for those who have not heard of it yet finds its share free. Where the
        cap is too small for all to have some of it, each has its turn as laps go by.
        """
        with self._lock:
            if self._whole_cap < count:
                rank = (rank + lap * self._whole_cap) % count
            cap = self._whole_cap // count + (rank < self._whole_cap % count)
            begins = at > self._share_until or (cap > 0 and self._cap == 0)
            if count == 1:
                self._silent_until = float("-inf")  # there is nobody left who has to hear of us
            elif begins:
                self._silent_until = at + self.FORGOTTEN_SECONDS
            self._is_shared = True
            self._share_until = at + _SHARE_SECONDS
            self._rate *= cap / self._cap if self._cap else 1.0
            self._cap = cap
            self._rate = min(max(self._rate, _SLOWEST), max(cap, _SLOWEST))
            self._at_once = max(self._all_at_once // count, 1)

    def complain(self, retry_after_seconds: float | None = None) -> None:
        """A 429 or 5xx: halve the rate, and be silent for as long as TMDb asks."""
        with self._lock:
            now = self._clock()
            self._recover(now)
            if now - self._halved_at >= _HALVED_AT_MOST_EVERY_SECONDS:
                self._rate = max(self._rate / 2, self._cap * _LOWEST_SHARE, _SLOWEST)
                self._halved_at = now
            if retry_after_seconds:
                self._paused_until = max(self._paused_until, now + retry_after_seconds)

    def _moment(self) -> float:
        """Seconds until our moment; they are evenly spaced, in the order they are asked for."""
        with self._lock:
            now = self._clock()
            self._recover(now)
            moment = max(now, self._next_moment)
            self._next_moment = moment + 1.0 / self._rate
            return moment - now

    def _begin(self) -> float:
        """0 when the turn has begun, else seconds after which to try again."""
        with self._lock:
            now = self._clock()
            if now < self._paused_until:
                return self._paused_until - now
            if self._is_shared and (now > self._share_until or now < self._silent_until):
                return _SILENCE_SECONDS
            while self._ended and self._ended[0] + _WINDOW_SECONDS <= now:
                self._ended.popleft()
            if not self._cap:
                return _SILENCE_SECONDS
            if self._under_way >= self._at_once:
                return _CROWDED_SECONDS
            if self._under_way + len(self._ended) >= self._cap:
                # A share that shrank may be exceeded by what was sent before.
                return self._ended[0] + _WINDOW_SECONDS - now if self._ended else _CROWDED_SECONDS
            self._under_way += 1
            return 0.0

    def _recover(self, now: float) -> None:
        gained = (now - self._rate_at) * self._cap / _FULL_RECOVERY_SECONDS
        self._rate = min(max(float(self._cap), _SLOWEST), self._rate + gained)
        self._rate_at = now


class Turn:
    """A request's turn; a generator of contextlib would cost as much as all the rest of it."""

    __slots__ = ("_budget",)

    def __init__(self, budget: RateBudget) -> None:
        self._budget = budget

    async def __aenter__(self) -> None:
        await self._budget.begin()

    async def __aexit__(self, *_: object) -> None:
        self._budget.end()
