"""The rate budget, on a clock of its own."""

import asyncio

import pytest

from catalog.tmdb import budget as budgets
from catalog.tmdb.budget import RateBudget


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """Waiting moves it, so a minute costs nothing."""
    one = Clock()

    async def sleep(seconds: float) -> None:
        one.now += seconds

    monkeypatch.setattr(budgets.asyncio, "sleep", sleep)
    return one


def send(budget: RateBudget, clock: Clock, count: int) -> list[float]:
    async def all_of_them() -> list[float]:
        moments = []
        for _ in range(count):
            await budget.acquire()
            moments.append(clock.now)
        return moments

    return asyncio.run(all_of_them())


def test_no_window_of_a_second_holds_more_than_the_cap(clock):
    moments = send(RateBudget(35, clock), clock, 500)
    for number in range(len(moments) - 35):
        assert moments[number + 35] - moments[number] >= 1.0 - 1e-9


def test_a_complaint_halves_the_rate_once_a_second_and_it_recovers_within_a_minute(clock):
    budget = RateBudget(40, clock)
    budget.complain()
    budget.complain()
    assert budget.rate == pytest.approx(20)
    for _ in range(20):
        clock.now += 1
        budget.complain()
    assert 0 < budget.rate < 5
    clock.now += 60
    assert budget.rate >= 0.9 * 40


def test_nothing_is_sent_while_tmdb_asks_for_silence(clock):
    budget = RateBudget(40, clock)
    budget.complain(retry_after_seconds=7)
    asked_at = clock.now
    assert send(budget, clock, 1)[0] >= asked_at + 7
