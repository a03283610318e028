"""Kills a process after the other, and takes the time until what needs it works again."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

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

    async def _kill_one(self) -> None:
        rows = [row for row in self._rows() if row["pid"]]
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
            nonce = f"{self._chance.getrandbits(64):x}"  # no answer may come from a cache
            reply = await self._probe.ask_once("GET", path.format(nonce=nonce))
            if reply is not None and reply.is_success:
                return time.monotonic() - began
            await asyncio.sleep(_POLL_SECONDS)
        return float("inf")

    def _rows(self) -> list[dict[str, Any]]:
        return self._state.read_json(STATUS).get("processes", [])
