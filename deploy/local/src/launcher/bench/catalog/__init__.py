"""The part `catalog`: a whole sync from the stand-in, and what reading costs at that size."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from launcher.bench.catalog.breaking import breaking_rows
from launcher.bench.catalog.filling import SYNCED, multiply
from launcher.bench.catalog.reading import reading_rows
from launcher.bench.catalog.syncing import fill, sync_rows
from launcher.bench.rows import Row
from launcher.bench.world import world
from launcher.settings import LocalSettings, Usage

_BROKEN_SIZE = 2000
_SMALLEST = 100


def measure(settings: LocalSettings, arguments: Sequence[str]) -> Iterator[Row]:
    """Sync, repeat, kill and spoil; read at this size and at a hundredth of it."""
    asked = _parser().parse_args(arguments)
    if asked.reading and asked.size % SYNCED:
        raise Usage(f"--reading multiplies {SYNCED:,} movies: --size must be a multiple of that")
    with world(settings, size=SYNCED if asked.reading else asked.size, folder=asked.keep) as large:
        if asked.reading:
            multiply(large, asked.size)
        else:
            yield from sync_rows(large, asked.size)
        with world(settings, size=max(asked.size // 100, _SMALLEST)) as small:
            fill(small)
            yield from reading_rows(large, small)
    if asked.reading:
        return
    with world(settings, size=min(asked.size, _BROKEN_SIZE)) as broken:
        fill(broken)
        yield from breaking_rows(broken)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./marquee bench catalog")
    parser.add_argument(
        "--size", type=int, default=20_000, help="movies; 20,000 without; each 20 kB of disk"
    )
    parser.add_argument(
        "--reading",
        action="store_true",
        help=f"reading alone, of {SYNCED:,} synced movies multiplied in the database",
    )
    parser.add_argument("--keep", type=Path, help="a folder for the databases, which stays")
    return parser
