"""The storm of kills hits our own processes alone, and says what was away for too long."""

import math
import os
import random
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from launcher import orphans
from launcher.faults.killing import Killer
from launcher.faults.people import REQUEST_ID, Tally, Writer
from launcher.state import State
from launcher.up import STATUS

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "state")
    made.prepare()
    return made


@pytest.fixture
def ours(state: State) -> Generator[subprocess.Popen[bytes]]:
    """A process of the suite."""
    yield from _sleeping({**os.environ, orphans.MARK: str(state.folder)})


@pytest.fixture
def stranger() -> Generator[subprocess.Popen[bytes]]:
    """A process that got the number of one of the suite's."""
    yield from _sleeping({**os.environ})


def _sleeping(environment: dict[str, str]) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEPS, env=environment) as process:
        yield process
        process.kill()


def _lists(state: State, name: str, pid: int | None) -> None:
    state.write_json(STATUS, {"processes": [{"name": name, "pid": pid}]})


def _killer(state: State, chance: random.Random, answers: Iterator[int]) -> Killer:
    def answer(request: httpx.Request) -> httpx.Response:
        headers = {REQUEST_ID: "1"}
        if request.url.path == "/auth/token":
            return httpx.Response(200, headers=headers, json={"access_token": "token"})
        return httpx.Response(next(answers), headers=headers)

    client = httpx.AsyncClient(base_url="http://suite", transport=httpx.MockTransport(answer))
    return Killer(state, Writer(client, Tally(), random.Random(1)), chance)


async def test_a_process_of_the_suite_is_killed_and_its_outage_timed(
    state: State, ours: subprocess.Popen[bytes]
):
    _lists(state, "gateway", ours.pid)
    killer = _killer(state, random.Random(1), iter([503, 200]))
    await killer.run(1, 0.0)
    assert ours.wait() < 0
    assert killer.kills == ["gateway"]
    assert len(killer.outages["gateway"]) == 1
    assert not killer.wrong()


async def test_a_stranger_with_the_number_of_a_process_of_ours_is_spared(
    state: State, stranger: subprocess.Popen[bytes]
):
    _lists(state, "analytics.work", stranger.pid)
    killer = _killer(state, random.Random(1), iter([]))
    await killer.run(1, 0.0)
    assert stranger.poll() is None
    assert not killer.kills


async def test_while_everything_is_being_started_nothing_is_killed(state: State):
    _lists(state, "gateway", None)
    killer = _killer(state, random.Random(1), iter([]))
    await killer.run(1, 0.0)
    assert not killer.kills


@pytest.mark.parametrize("answers", [[200], [503, 503, 200]])
async def test_what_chance_brings_next_does_not_depend_on_how_long_something_was_away(
    state: State, ours: subprocess.Popen[bytes], answers: list[int]
):
    _lists(state, "catalog.serve", ours.pid)
    chance, same = random.Random(7), random.Random(7)
    same.uniform(0.5, 1.5)
    same.choice([1])
    await _killer(state, chance, iter(answers)).run(1, 0.0)
    assert chance.random() == same.random()


def test_what_never_came_back_is_wrong(state: State):
    killer = _killer(state, random.Random(1), iter([]))
    killer.outages["gateway"] = [0.1, math.inf, 0.2]
    assert killer.wrong() == ["gateway was not back 60 s after a kill"]
    killer.outages["users.serve"] = [1.5, 2.5]
    assert len(killer.wrong()) == 1  # late is no fault, and told
    assert killer.median_outage == 1.5
