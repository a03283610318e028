"""How many requests came, how many in the busiest second, and what was said to them."""

from collections import Counter, deque
from collections.abc import Callable
from time import monotonic


class Meter:
    """Counts requests in a sliding second."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._times: deque[float] = deque()
        self.requests = 0
        self.busiest_second = 0
        self.prepared = 0
        self.movie_query = ""
        self.statuses: Counter[int] = Counter()

    def count(self) -> int:
        """Count a request; how many came in the second that ends now, it included."""
        now = self._now()
        self._times.append(now)
        while self._times[0] <= now - 1:
            self._times.popleft()
        self.requests += 1
        self.busiest_second = max(self.busiest_second, len(self._times))
        return len(self._times)

    def reset(self) -> None:
        """Start counting again."""
        self.requests = self.busiest_second = self.prepared = 0
        self.statuses.clear()
        self._times.clear()
