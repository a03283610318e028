"""Kills a process after the other, and takes the time until what needs it works again."""

import asyncio
import math
import os
import random
import secrets
import signal
import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from chassis.embedded import command_line
from launcher import orphans
from launcher.faults.people import Writer
from launcher.state import State
from launcher.up import STATUS

# A request that needs the process; the rest works behind answers, or beside them.
NEEDED_BY: Mapping[str, str] = {
    "traefik": "/genres",
    "gateway": "/genres",
    "users.serve": "/me",
    "interactions.serve": "/me/ratings",
    "analytics.serve": "/me/activity",
    "catalog.serve": "/people/search?q={nonce}",
    "recommender.serve": "/me/recommendations/history",
    "postgres": "/me/ratings",
}
MEDIAN_GOAL_SECONDS = 1.0
_POLL_SECONDS = 0.01
_GIVE_UP_SECONDS = 60.0


class Killer:
    """Picks processes at random, among those that `status` lists."""

    def __init__(self, state: State, probe: Writer, chance: random.Random) -> None:
        self._state = state
        self._probe = probe
        self._chance = chance
        self.kills: list[str] = []
        self.outages: dict[str, list[float]] = {}

    async def run(self, count: int, pause_seconds: float) -> None:
        """Kill so many, with about so much time between them."""
        for _ in range(count):
            await asyncio.sleep(pause_seconds * self._chance.uniform(0.5, 1.5))
            await self._kill_one()

    @property
    def median_outage(self) -> float | None:
        """Seconds, over all kills of what a request needs; None without any."""
        everything = [one for seconds in self.outages.values() for one in seconds]
        return statistics.median(everything) if everything else None

    def wrong(self) -> list[str]:
        """What never came back, a line each; what came back late is told beside its goal, for how
        late says as much of the machine."""
        return [
            f"{name} was not back {_GIVE_UP_SECONDS:.0f} s after a kill"
            for name, seconds in self.outages.items()
            for one in seconds
            if math.isinf(one)
        ]

    async def _kill_one(self) -> None:
        rows = [row for row in self._rows() if row["pid"] and self._is_ours(row["pid"])]
        if not rows:  # everything is being started again
            return
        row = self._chance.choice(rows)
        with suppress(ProcessLookupError):  # it ended by itself this very moment
            os.kill(row["pid"], signal.SIGKILL)
        self.kills.append(row["name"])
        path = NEEDED_BY.get(row["name"])
        if path:
            self.outages.setdefault(row["name"], []).append(await self._outage(path))

    async def _outage(self, path: str) -> float:
        began = time.monotonic()
        while time.monotonic() - began < _GIVE_UP_SECONDS:
            # No answer may come from a cache. By no seed: polls are as many as they happen to be.
            reply = await self._probe.ask_once("GET", path.format(nonce=secrets.token_hex(8)))
            if reply is not None and reply.is_success:
                return time.monotonic() - began
            await asyncio.sleep(_POLL_SECONDS)
        return float("inf")

    def _is_ours(self, pid: int) -> bool:
        """Whether the number is not a stranger's by now."""
        # PostgreSQL writes its title over the mark, but names its folder.
        folder = self._state.folder
        return orphans.is_marked(pid, folder) or str(folder) in command_line(pid)

    def _rows(self) -> list[dict[str, Any]]:
        return self._state.read_json(STATUS).get("processes", [])
