"""The command: which parts there are, and how their rows are printed."""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module

from launcher.bench.rows import HEADER, Row
from launcher.settings import LocalSettings

Part = Callable[[LocalSettings, Sequence[str]], Iterator[Row]]

# Name, and the module that measures it: its `measure` yields rows as it finds them.
PARTS = {
    "catalog": "launcher.bench.catalog",
    "freshness": "launcher.bench.freshness",
    "ingest": "launcher.bench.ingest",
    "personal": "launcher.bench.personal",
    "recommender": "launcher.bench.recommender",
    "requests": "launcher.bench.requests",
}


def main(settings: LocalSettings, arguments: list[str]) -> int:
    """Measure one part, or all; what is left of the arguments goes to the part."""
    parser = argparse.ArgumentParser(prog="./marquee bench")
    parser.add_argument("part", nargs="?", choices=sorted(PARTS), help="all of them without one")
    parser.add_argument("--json", action="store_true", help="an object a line")
    asked, rest = parser.parse_known_args(arguments)
    if rest and asked.part is None:
        parser.error(f"without a part: {' '.join(rest)}")
    missed = 0
    for name in [asked.part] if asked.part else sorted(PARTS):
        part: Part = import_module(PARTS[name]).measure
        if not asked.json:
            print(f"-- {name}\n{HEADER}")
        missed += show(part(settings, rest), as_json=asked.json)
    return 1 if missed else 0


def show(rows: Iterable[Row], *, as_json: bool) -> int:
    """Print rows as they come; answers how many missed their goal."""
    missed = 0
    for row in rows:
        print(json.dumps(row.as_json()) if as_json else row.as_line(), flush=True)
        missed += row.met is False
    return missed
