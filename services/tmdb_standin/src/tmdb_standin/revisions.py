"""Edits: which movies changed when. An edit alters what the movie answers from then on.

Overview and tagline are edited in English: of a movie that is not told in it, nothing alters but
the keywords, which the first edited overview adds to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from tmdb_standin.catalogue import Catalogue
from tmdb_standin.drawing import Shuffle, mix

TURN, ORDER, MOMENT = 7, 13, 17
CACHED_DAYS = 16


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one movie: its n-th (from 1)."""

    index: int
    at: datetime
    number: int

    @property
    def kind(self) -> str:
        """What it altered."""
        return kind_of(self.index, self.number)


class Edits(NamedTuple):
    """How often each kind of edit was made to a movie."""

    overview: int
    runtime: int
    tagline: int
    budget: int


KINDS = Edits._fields


def kind_of(index: int, number: int) -> str:
    """What the n-th edit of a movie alters."""
    return KINDS[(_turn(index) + number) % len(KINDS)]


def edits_of(index: int, count: int) -> Edits:
    """What the first edits of a movie altered."""
    return _tally(_turn(index), count)


def _turn(index: int) -> int:
    return mix(TURN, index) % len(KINDS)


@lru_cache(maxsize=1024)
def _tally(turn: int, count: int) -> Edits:
    kinds = [KINDS[(turn + number) % len(KINDS)] for number in range(1, count + 1)]
    return Edits(*map(kinds.count, KINDS))


class Revisions:
    """Edits by the calendar (a share of the catalogue a day) and edits made by hand.

    A day's edits are a stretch of a shuffled catalogue, so that both questions, who changed on
    a day and how often has a movie changed, are answered without a list.
    """

    def __init__(self, catalogue: Catalogue, daily_share: float) -> None:
        self._catalogue = catalogue
        self._order = Shuffle(catalogue.size, catalogue.seed, ORDER)
        self.per_day = min(
            catalogue.size, max(1, round(catalogue.size * daily_share)) if daily_share > 0 else 0
        )
        self._made: dict[int, list[datetime]] = {}
        self._days: dict[int, list[tuple[datetime, int]]] = {}

    def make(self, indexes: Sequence[int], at: datetime) -> None:
        """Edit each of these movies once, now."""
        for index in indexes:
            self._made.setdefault(index, []).append(at)

    def next_targets(self, count: int) -> list[int]:
        """Indexes to edit by hand when nobody says which: those after as many as were made."""
        size = self._catalogue.size
        start = sum(len(moments) for moments in self._made.values())
        return [self._order.value_at((start + n) % size) for n in range(min(count, size))]

    @property
    def are_scheduled(self) -> bool:
        """Whether no movie was edited but by the calendar."""
        return not self._made

    def count(self, index: int, at: datetime) -> int:
        """How many times a movie has been edited by this moment."""
        made = self._made.get(index)
        by_hand = sum(moment <= at for moment in made) if made else 0
        return by_hand + self._scheduled(index, at)

    def latest_kind(self, index: int, at: datetime) -> str:
        """What the latest edit of an edited movie altered."""
        return kind_of(index, self.count(index, at))

    def of_movie(self, index: int, first: datetime, last: datetime) -> list[Edit]:
        """A movie's edits from first to last moment, the earliest first."""
        moments = list(self._made.get(index, ()))
        for number in range(self._day_number(first), self._day_number(last) + 1):
            moments += self._moments(index, number)
        found = sorted(moment for moment in moments if first <= moment <= last)
        earlier = self.count(index, last) - len(found)
        return [Edit(index, at, number) for number, at in enumerate(found, earlier + 1)]

    def changed_between(self, first: datetime, last: datetime) -> list[int]:
        """Indexes edited from first to last moment, the latest first, each once."""
        moments = [(at, index) for index, made in self._made.items() for at in made]
        for number in range(max(0, self._day_number(first)), self._day_number(last) + 1):
            moments += self._day(number)
        found = sorted((moment for moment in moments if first <= moment[0] <= last), reverse=True)
        return list(dict.fromkeys(index for _, index in found))

    def _day_number(self, moment: datetime) -> int:
        return (moment.date() - self._catalogue.epoch).days

    def _day(self, number: int) -> list[tuple[datetime, int]]:
        """Moments and indexes of one day's calendar edits."""
        cached = self._days.get(number)
        if cached is None:
            size = self._catalogue.size
            turns = range(number * self.per_day, (number + 1) * self.per_day)
            indexes = [self._order.value_at(turn % size) for turn in turns]
            cached = [(self._moment(index, number), index) for index in indexes]
            if len(self._days) >= CACHED_DAYS:
                self._days.clear()
            self._days[number] = cached
        return cached

    def _moment(self, index: int, number: int) -> datetime:
        second = mix(self._catalogue.seed, MOMENT, index, number) % 86400
        midnight = datetime.combine(self._catalogue.epoch, datetime.min.time(), UTC)
        return midnight + timedelta(days=number, seconds=second)

    def _moments(self, index: int, number: int) -> list[datetime]:
        """When the calendar edits this movie on one day."""
        size, turn = self._catalogue.size, number * self.per_day
        until_its_turn = (self._order.place_of(index) - turn) % size
        edited = number >= 0 and until_its_turn < self.per_day
        return [self._moment(index, number)] if edited else []

    def _scheduled(self, index: int, at: datetime) -> int:
        number = self._day_number(at)
        if number < 0 or not self.per_day:
            return 0
        size, place, turns = (
            self._catalogue.size,
            self._order.place_of(index),
            number * self.per_day,
        )
        before_today = (turns - place + size - 1) // size if turns > place else 0
        return before_today + sum(moment <= at for moment in self._moments(index, number))
