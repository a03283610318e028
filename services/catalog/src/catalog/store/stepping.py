"""Columns cut into steps, each of which an index has in the order of another column."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from catalog.tables.movies import DATE_STEP, RATING_STEP, RUNTIME_STEP, movie


@dataclass(frozen=True, slots=True)
class Scale:
    """A column in steps: which one a row is in, and where each begins; the last has no end."""

    column: str
    step: sa.ColumnElement[int]
    starts: tuple[Any, ...]


RATINGS = Scale("vote_average", RATING_STEP, tuple(step / 2 for step in range(20)))
RUNTIMES = Scale("runtime_minutes", RUNTIME_STEP, (0, *range(1, 300, 15)))
DATES = Scale(
    "release_date",
    DATE_STEP,
    # The first step has all that is older, too.
    (date.min, *(date(1900, 1, 1) + timedelta(days=3653 * step) for step in range(1, 21))),
)


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a filter that have an order in an index: those that may hold anything."""

    scale: Scale
    least: Any
    """None is open, as is `beyond`, before which it ends."""
    beyond: Any
    are_all: bool
    """Whether nothing else is filtered: then each step is dense, and no other way is shorter."""

    @property
    def numbers(self) -> range:
        """The steps that hold some of it."""
        starts = self.scale.starts
        first = 0 if self.least is None else max(bisect_right(starts, self.least) - 1, 0)
        return range(
            first, len(starts) if self.beyond is None else bisect_left(starts, self.beyond)
        )

    def is_whole(self, number: int) -> bool:
        """Whether all of a step is asked for."""
        starts = self.scale.starts
        return (self.least is None or self.least <= starts[number]) and (
            self.beyond is None or (number + 1 < len(starts) and starts[number + 1] <= self.beyond)
        )

    def bounds(self, number: int) -> list[sa.ColumnElement[bool]]:
        """A step as an index of the column finds it."""
        starts, column = self.scale.starts, movie.c[self.scale.column]
        below = [column < starts[number + 1]] if number + 1 < len(starts) else []
        return [column >= starts[number], *below] if number else below
