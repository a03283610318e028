"""The sync under faults: kills, broken bodies, storms of 429; what it lost and what it sent."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from launcher.bench.catalog import standin
from launcher.bench.catalog.syncing import CONTENT, UNLIMITED
from launcher.bench.rows import Row, at_most
from launcher.bench.world import World
from launcher.children import python

PART = "catalog"
_KILLS, _LONGEST_LIFE_SECONDS = 20, 6.0
_CAP, _STORM_SECONDS, _PATIENCE_SECONDS, _NEARLY = 35, 5.0, 90.0, 0.9
_OF_THE_RUN = ("id", "created_at", "updated_at", "next_at", "version", "as_of")


def breaking_rows(world: World) -> Iterator[Row]:
    """Each goal under faults; the world is a small one, synced once and left alone."""
    yield _killed(world)
    yield from _spoilt(world)
    yield from _stormed(world)


def _killed(world: World) -> Row:
    expected = _contents(world)
    _forget(world)
    chance, lives = random.Random(1), 0  # noqa: S311 - guards nothing
    for _ in range(_KILLS):
        with _syncing(world, "all", {"TMDB_RATE": "100"}) as process:
            time.sleep(chance.uniform(0.5, _LONGEST_LIFE_SECONDS))
            lives += process.poll() is None
            process.kill()
    world.run("catalog", "sync", "all", environment=UNLIMITED)
    found = _contents(world)
    different = sum(found[table] != expected[table] for table in expected)
    return at_most(PART, f"tables that {lives} kill -9 made different", different, 0, "")


def _spoilt(world: World) -> Iterator[Row]:
    _forget(world)
    standin.put(world, {"corrupt_rate": 0.01})
    world.run("catalog", "sync", "all", environment=UNLIMITED)
    corrupt = {int(one) for one in standin.report(world)["corrupt_ids"]}
    quarantined = {row[0] for row in world.queries("catalog", "select source_id from quarantine")}
    loaded = {row[0] for row in world.queries("catalog", "select tmdb_id from movie")}
    counted = {row[0] for row in world.queries("catalog", "select movie_id from sync_item")}
    yield Row(PART, "corrupt bodies, 1%", f"{len(corrupt)} of {len(counted):,}")
    wrong = len(corrupt ^ quarantined) + len((counted - corrupt) ^ loaded)
    yield at_most(PART, "movies wrongly quarantined, or not, or not loaded", wrong, 0, "")
    standin.put(world, {})


def _stormed(world: World) -> Iterator[Row]:
    told = {"TMDB_RATE": str(_CAP)}
    with _syncing(world, "refresh", told, "--older-than-days", "-1") as process:
        standin.put(world, {"rate_limited_rate": 0.5})
        time.sleep(_STORM_SECONDS)
        standin.put(world, {})
        began = time.monotonic()
        while (waited := time.monotonic() - began) < _PATIENCE_SECONDS:
            before = standin.report(world)["requests"]
            time.sleep(2.0)
            if (standin.report(world)["requests"] - before) / 2 >= _CAP * _NEARLY:
                break
        time.sleep(_STORM_SECONDS)
        busiest = standin.report(world)["busiest_second"]
        process.send_signal(signal.SIGTERM)
    yield at_most(PART, f"requests in the busiest second, cap {_CAP}", busiest, _CAP, "")
    yield at_most(PART, "back at 90% of the cap after a storm of 429", waited, 60, "s")


def _syncing(
    world: World, stage: str, told: dict[str, str], *arguments: str
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        python("-m", "catalog", "sync", stage, *arguments),
        env={**os.environ, **world.environment("catalog"), **told},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _contents(world: World) -> dict[str, Any]:
    """Of every table how many rows, and a hash over them without what differs from run to run."""
    row = f"to_jsonb(t) - '{{{','.join(_OF_THE_RUN)}}}'::text[]"
    return {
        table: world.query(
            "catalog",
            f"select count(*), md5(string_agg(h, '' order by h)) from"  # noqa: S608 - names of ours
            f" (select md5(({row})::text) as h from {table} t) hashed",
        )
        for table in (*CONTENT, "sync_item")
    }


def _forget(world: World) -> None:
    state = ("sync_item", "sync_lease", "sync_run", "sync_watermark", "quarantine")
    world.execute("catalog", f"truncate {', '.join((*CONTENT, *state))} cascade")
