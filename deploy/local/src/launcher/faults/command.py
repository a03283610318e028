"""The command: how many people, writes and kills; what came of it."""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence

import httpx

from launcher.backing import Servers
from launcher.demo.progress import Progress
from launcher.faults.checking import Checker
from launcher.faults.killing import MEDIAN_GOAL_SECONDS, Killer
from launcher.faults.people import Tally, Writer
from launcher.settings import Failure, LocalSettings
from launcher.state import State

_MOVIES = 100


def main(settings: LocalSettings, arguments: list[str]) -> int:
    """Kill processes of the running suite while people write; 1 when anything is wrong after."""
    parser = argparse.ArgumentParser(prog="./marquee faults", description=main.__doc__)
    parser.add_argument("--people", type=int, default=8, help="who write at the same time")
    parser.add_argument("--writes", type=int, default=2000, help="to be acknowledged, of all")
    parser.add_argument("--kills", type=int, default=20, help="at random over all processes")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=None, help="to have the same run again")
    asked = parser.parse_args(arguments)
    state = State(settings.state)
    if not state.is_taken():
        raise Failure("the suite is not running; start it with ./marquee up --detach")
    return asyncio.run(_storm(settings, state, asked))


async def _storm(settings: LocalSettings, state: State, asked: argparse.Namespace) -> int:
    seed = asked.seed if asked.seed is not None else time.time_ns() % 1_000_000
    chance, tally, progress = _chance(seed), Tally(), Progress()
    progress.say(f"seed {seed}: {asked.people} people, {asked.writes} writes, {asked.kills} kills")
    base_url = f"http://127.0.0.1:{settings.port}/api/v1"
    async with httpx.AsyncClient(base_url=base_url, timeout=20, trust_env=False) as client:
        movies = await _movies(client)
        writers = [Writer(client, tally, _chance(chance.random())) for _ in range(asked.people)]
        for writer in writers:
            await writer.register()
        killer = Killer(state, writers[0], chance)
        killing = asyncio.create_task(killer.run(asked.kills, asked.pause))
        writing = [_write(one, movies, tally, asked.writes, killing) for one in writers]
        await asyncio.gather(*writing)
        await killing
        progress.say(f"{tally.acknowledged:,} acknowledged, {tally.repeated:,} tries repeated")
        lost = await Checker(Servers(settings, state).backing().database_urls).wrong(writers)
        wrong = [*lost, *killer.wrong()]
    return _told(progress, killer, tally, wrong)


def _chance(seed: float) -> random.Random:
    return random.Random(seed)  # noqa: S311 - to have the same run again, not to hide anything


async def _movies(client: httpx.AsyncClient) -> list[int]:
    page = (await client.get("/movies", params={"page_size": _MOVIES})).raise_for_status().json()
    if not page["items"]:
        raise Failure("the catalogue is still empty; wait for the first sync")
    return [movie["movie_id"] for movie in page["items"]]


async def _write(
    writer: Writer, movies: Sequence[int], tally: Tally, writes: int, killing: asyncio.Task[None]
) -> None:
    while tally.acknowledged < writes or not killing.done():
        await writer.write(movies)


def _told(progress: Progress, killer: Killer, tally: Tally, wrong: Sequence[str]) -> int:
    for name, seconds in sorted(killer.outages.items()):
        times = ", ".join(f"{one:.2f}" for one in seconds)
        progress.say(f"away after a kill, {name}: {times} s")
    if (median := killer.median_outage) is not None:
        told = "met" if median <= MEDIAN_GOAL_SECONDS else "missed"
        progress.say(f"median outage {median:.2f} s (goal {MEDIAN_GOAL_SECONDS:g} s: {told})")
    for what, number in tally.unexpected.items():
        progress.say(f"unexpected: {number} x {what}")
    for line in wrong:
        progress.say(f"WRONG {line}")
    good = not wrong and not tally.unexpected
    verdict = "nothing lost, doubled or unexpected" if good else "something is wrong"
    progress.say(f"{len(killer.kills)} kills ({', '.join(sorted(set(killer.kills)))}): {verdict}")
    return 0 if good else 1
