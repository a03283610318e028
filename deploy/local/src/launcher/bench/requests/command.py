"""All requests in turn, against one suite that is whole but for its beat."""

import argparse
from collections.abc import Iterator, Sequence

from launcher.bench.hello import hello
from launcher.bench.requests import reading, travelling, writing
from launcher.bench.requests.standing import standing
from launcher.bench.rows import Row
from launcher.settings import LocalSettings


def measure(settings: LocalSettings, arguments: Sequence[str]) -> Iterator[Row]:
    """Start the suite, load and train it, and ask."""
    parser = argparse.ArgumentParser(prog="./marquee bench requests")
    parser.add_argument("--size", type=int, default=5_000, help="movies; 5,000 without")
    asked = parser.parse_args(arguments)
    with standing(settings, size=asked.size) as suite:
        bare = hello()
        yield Row("requests", "H: a bare hello", f"{bare.cpu_seconds * 1e6:.1f} us CPU")
        yield Row("requests", "the suite idle, CPU", f"{suite.idle * 1000:.1f} ms a second")
        yield from reading.rows(suite, bare)
        yield from writing.rows(suite, bare)
        yield from travelling.travel_rows(suite)
    yield from travelling.batch_rows(settings)
