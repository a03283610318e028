"""Which steps of a column hold some of what a filter asks for."""

from datetime import date

import pytest

from catalog.store.stepping import DATES, Steps


@pytest.mark.parametrize(
    ("after", "before", "numbers"),
    [
        (date(1896, 1, 1), date(1897, 1, 1), [0]),
        (None, date(1896, 1, 1), [0]),
        (None, date(1910, 1, 3), [0, 1]),
        (date(2110, 1, 1), None, [20]),
        (date(1990, 1, 1), date(1949, 1, 1), []),
    ],
)
def test_a_movie_older_than_all_steps_is_in_the_first(
    after: date | None, before: date | None, numbers: list[int]
):
    assert list(Steps(DATES, after, before, are_all=False).numbers) == numbers
