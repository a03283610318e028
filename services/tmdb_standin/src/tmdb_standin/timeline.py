"""Release dates laid out so that a window of days can be found without looking at every movie."""

from collections.abc import Iterator
from datetime import date, timedelta

from tmdb_standin.drawing import Shuffle

TIMELINE = 11
FIRST_DAY = date(1920, 1, 1)
RECENT_LEAN = 7.0
"""How strongly the most popular tenth leans towards recent years (1 is evenly spread)."""
PLAIN_LEAN = 2.2


class Timeline:
    """Which movie came out when: density grows towards the last day, twice over."""

    def __init__(self, size: int, seed: int, last_day: date) -> None:
        self._size = size
        self._span = (last_day - FIRST_DAY).days
        self._shuffle = Shuffle(size, seed, TIMELINE)
        self._top = max(1, size // 10)

    def released(self, index: int, rank: int) -> date:
        """The release date of the movie at this index and popularity rank."""
        return self._day(self._shuffle.place_of(index), self._lean(rank))

    def between(self, first: date, last: date, ranks: Shuffle) -> Iterator[int]:
        """Indexes of the movies released from first to last, in no promised order."""
        for lean in (RECENT_LEAN, PLAIN_LEAN):
            low = max(0, self._place(first, lean) - 1)
            high = min(self._size, self._place(last, lean, 1) + 2)
            for place in range(low, high):
                index = self._shuffle.value_at(place)
                if self._lean(ranks.place_of(index)) != lean:
                    continue
                if first <= self._day(place, lean) <= last:
                    yield index

    def count_between(self, first: date, last: date) -> int:
        """About how many movies came out from first to last."""
        shares = ((RECENT_LEAN, 0.1), (PLAIN_LEAN, 0.9))
        return int(sum((self._place(last, n) - self._place(first, n)) * s for n, s in shares))

    def _lean(self, rank: int) -> float:
        return RECENT_LEAN if rank < self._top else PLAIN_LEAN

    def _day(self, place: int, lean: float) -> date:
        return FIRST_DAY + timedelta(
            days=int(self._span * ((place + 0.5) / self._size) ** (1 / lean))
        )

    def _place(self, day: date, lean: float, later: int = 0) -> int:
        part = min(1.0, max(0.0, ((day - FIRST_DAY).days + later) / self._span))
        return int(self._size * part**lean)
