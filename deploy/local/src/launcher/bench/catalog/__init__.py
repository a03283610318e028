"""The part `catalog`: a whole sync from the stand-in, and what reading costs at that size."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from launcher.bench.catalog.syncing import sync_rows
from launcher.bench.rows import Row
from launcher.bench.world import world
from launcher.settings import LocalSettings


def measure(settings: LocalSettings, arguments: Sequence[str]) -> Iterator[Row]:
    """Sync an empty catalogue, and then once more."""
    asked = _parser().parse_args(arguments)
    with world(settings, size=asked.size, folder=asked.keep) as here:
        yield from sync_rows(here, asked.size)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./marquee bench catalog")
    parser.add_argument("--size", type=int, default=20_000, help="movies; 20,000 without")
    parser.add_argument("--keep", type=Path, help="a folder for the databases, which stays")
    return parser
