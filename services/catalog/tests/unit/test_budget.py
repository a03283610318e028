"""The rate budget, on a clock of its own."""

import asyncio
from itertools import pairwise

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
            async with budget.turn():
                moments.append(clock.now)
        return moments

    return asyncio.run(all_of_them())


def test_no_window_of_a_second_holds_more_than_the_cap(clock):
    moments = send(RateBudget(35, clock=clock), clock, 500)
    for number in range(len(moments) - 35):
        assert moments[number + 35] - moments[number] >= 1.0 - 1e-9


def test_a_complaint_halves_the_rate_once_a_second_and_it_recovers_within_a_minute(clock):
    budget = RateBudget(40, clock=clock)
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
    budget = RateBudget(40, clock=clock)
    budget.complain(retry_after_seconds=7)
    asked_at = clock.now
    assert send(budget, clock, 1)[0] >= asked_at + 7


def test_no_second_at_tmdb_holds_more_than_the_cap_however_long_requests_are_under_way(clock):
    budget, sent, answered = RateBudget(10, at_once=10, clock=clock), [], []
    delays = [0.0, 0.9, 0.3, 0.0, 1.7, 0.05] * 20

    async def ask(delay):
        async with budget.turn():
            sent.append(clock.now)
            clock.now += delay
            answered.append(clock.now)

    async def all_of_them():
        for delay in delays:
            await ask(delay)

    asyncio.run(all_of_them())
    # Whenever within its way each arrived: a window that may hold eleven must not exist.
    for number in range(len(sent) - 10):
        assert sent[number + 10] - answered[number] >= 1.0 - 1e-9


def test_no_more_requests_are_under_way_than_there_are_connections(clock):
    budget, most = RateBudget(1000, at_once=3, clock=clock), []

    async def ask(under_way):
        async with budget.turn():
            under_way.add(asyncio.current_task())
            most.append(len(under_way))
            await asyncio.sleep(0.05)
            under_way.discard(asyncio.current_task())

    async def all_of_them():
        under_way = set()
        await asyncio.gather(*(ask(under_way) for _ in range(20)))

    asyncio.run(all_of_them())
    assert len(most) == 20
    assert max(most) <= 3


def test_processes_that_ask_at_once_have_the_cap_between_them(clock):
    for count in (1, 2, 3, 34, 35, 36):
        shares = []
        for rank in range(count):
            budget = RateBudget(35, clock=clock)
            budget.share(rank, count, clock.now)
            shares.append(budget.cap)
        assert sum(shares) == 35


def test_where_the_cap_is_smaller_than_the_number_of_processes_each_has_its_turn(clock):
    served = set()
    for lap in range(5):
        caps = []
        for rank in range(5):
            budget = RateBudget(2, clock=clock)
            budget.share(rank, 5, clock.now, lap)
            caps.append(budget.cap)
            served |= {rank} if budget.cap else set()
        assert sum(caps) == 2
    assert served == set(range(5))


def test_whose_turn_it_becomes_waits_until_the_last_one_has_heard_of_it(clock):
    budget, began = RateBudget(1, clock=clock), clock.now
    laps = iter([0, 0, *[1] * 1000])
    budget.share(1, 2, began, 0)
    clock.now = began + 5  # long known to the other, but without a share of its own
    budget.share(1, 2, clock.now, 0)

    def look():
        budget.share(1, 2, clock.now, next(laps))

    moments = sent_while(budget, clock, 3, look)
    assert moments[0] >= began + 5 + 3.0
    assert all(later - sooner >= 1.0 - 1e-9 for sooner, later in pairwise(moments))


def test_who_is_alone_begins_at_once_and_a_newcomer_when_the_others_have_heard_of_it(clock):
    began = clock.now
    alone = RateBudget(35, clock=clock)
    alone.share(0, 1, clock.now)
    assert send(alone, clock, 1) == [began]
    newcomer = RateBudget(35, clock=clock)

    def look_meanwhile(_=None):
        newcomer.share(1, 2, clock.now)

    look_meanwhile()
    moments = sent_while(newcomer, clock, 40, look_meanwhile)
    assert moments[0] >= began + 3.0
    for number in range(len(moments) - 17):
        assert moments[number + 17] - moments[number] >= 1.0 - 1e-9


def test_a_newcomer_begins_as_soon_as_those_before_it_are_forgotten(clock):
    budget, began = RateBudget(35, clock=clock), clock.now
    budget.share(1, 2, began)

    def look():
        if clock.now < began + 1.2:
            budget.share(1, 2, clock.now)
        else:
            budget.share(0, 1, clock.now)

    moments = sent_while(budget, clock, 40, look)
    assert began + 1.2 <= moments[0] <= began + 1.5
    for number in range(len(moments) - 35):
        assert moments[number + 35] - moments[number] >= 1.0 - 1e-9


def test_who_cannot_see_how_many_ask_falls_silent(clock):
    budget, began = RateBudget(35, clock=clock), clock.now
    budget.share(0, 1, began)

    def look_again_later():
        if clock.now >= began + 10:
            budget.share(0, 1, clock.now)

    moments = sent_while(budget, clock, 60, look_again_later)
    assert [moment for moment in moments if began + 1.5 < moment < began + 10] == []
    assert moments[-1] >= began + 10


def sent_while(budget, clock, count, look):
    """Moments of requests, with a look at every one and whenever time passes."""

    async def all_of_them():
        sleep, moments = budgets.asyncio.sleep, []

        async def sleep_and_look(seconds):
            await sleep(seconds)
            look()

        budgets.asyncio.sleep = sleep_and_look
        try:
            for _ in range(count):
                async with budget.turn():
                    moments.append(clock.now)
        finally:
            budgets.asyncio.sleep = sleep
        return moments

    return asyncio.run(all_of_them())
