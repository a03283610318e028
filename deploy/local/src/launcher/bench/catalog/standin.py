"""The stand-in beside a measurement: its switches, and answers it prepares to be no limit."""

from typing import Any

import httpx

from launcher.bench.rows import Row, at_least
from launcher.bench.world import World
from launcher.suite import STAND_IN

PART = "catalog"
# In which nothing changes.
STEADY = {"STANDIN_DAILY_EDITS": "0"}
_LEAST_PERCENT = 99.0


def put(world: World, faults: dict[str, Any]) -> None:
    """Switch to these faults; counters start again."""
    httpx.put(f"{_url(world)}/_faults", json=faults).raise_for_status()


def report(world: World) -> dict[str, Any]:
    """Its faults and counters."""
    return httpx.get(f"{_url(world)}/_faults", timeout=30).raise_for_status().json()


def prepare(world: World, size: int) -> Row:
    """Have the stand-in give from now on what it wrote about every movie: 9 kB each, on disk.

    What the catalogue asks is learnt from one movie that it syncs, of those that a census found.
    """
    (movie_id,) = world.query("catalog", "select min(movie_id) from sync_item")
    world.run("catalog", "sync", "movies", "--ids", str(movie_id))
    folder = str(world.state.folder / STAND_IN / "prepared")
    spent = world.run(STAND_IN, "prepare", folder, report(world)["movie_query"], environment=STEADY)
    world.restart(STAND_IN, {**STEADY, "STANDIN_PREPARED": folder})
    figure = f"{spent.seconds:.1f} s, {size / spent.seconds:,.0f} /s"
    return Row(PART, "the stand-in prepares its answers", figure)


def prepared_row(world: World, size: int) -> Row:
    """Whether it gave what it had prepared; else the API was the limit after all."""
    percent = report(world)["prepared"] / size * 100
    return at_least(PART, "movies whose answer was prepared", percent, _LEAST_PERCENT, "%")


def _url(world: World) -> str:
    return world.environment("catalog")["TMDB_BASE_URL"].removesuffix("/3")
