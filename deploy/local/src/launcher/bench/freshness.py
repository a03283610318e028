"""The part `freshness`: from a rating accepted to a list that has counted it, through the API."""

import argparse
import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles
from typing import Any, NamedTuple

from launcher.bench.http import Connection, get, request
from launcher.bench.requests.standing import Standing, standing
from launcher.bench.rows import Row, at_most
from launcher.settings import Failure, LocalSettings

PART = "freshness"
_MINE = "/api/v1/me/recommendations"
_RATINGS, _WARM = 200, 10
_OTHERS, _PAUSE_SECONDS = 5, 0.2
_MOST_PAGES, _GOAL_MILLISECONDS = 1_000, 200


class Fresh(NamedTuple):
    """How long after the answer to a rating the changed list was there; pages that did not know of
    it, and pages that the gateway made alone, before that."""

    seconds: float
    stale: int
    alone: int


def measure(settings: LocalSettings, arguments: Sequence[str]) -> Iterator[Row]:
    """Rate what stands first, and ask until it is gone: alone, and while others rate and read."""
    parser = argparse.ArgumentParser(prog="./marquee bench freshness")
    parser.add_argument("--size", type=int, default=5_000, help="movies; 5,000 without")
    asked = parser.parse_args(arguments)
    with standing(settings, size=asked.size) as suite:
        yield from _rows("alone", list(_changes(suite)))
        with _others(suite) as answered:
            began, before = time.monotonic(), answered()
            found = list(_changes(suite))
            rate = (answered() - before) / (time.monotonic() - began)
        yield from _rows(f"beside {rate:.0f} requests a second of {_OTHERS} others", found)


def _rows(when: str, found: Sequence[Fresh]) -> Iterator[Row]:
    milliseconds = [one.seconds * 1000 for one in found]
    what = f"from a rating accepted to the changed list, {when}"
    yield Row(PART, f"{what}: p50", f"{median(milliseconds):.3g} ms")
    worst = quantiles(milliseconds, n=100)[-1]
    yield at_most(PART, f"{what}: p99", worst, _GOAL_MILLISECONDS, "ms")
    stale, alone = sum(one.stale for one in found), sum(one.alone for one in found)
    yield at_most(PART, f"{when}: pages that did not know of it", stale, 0, f"of {len(found)}")
    yield Row(PART, f"{when}: pages that the gateway made alone", str(alone))


def _changes(suite: Standing) -> Iterator[Fresh]:
    _, token = suite.register()
    mine = get(_MINE, token)
    with Connection(suite.port) as client:
        page = client.ask(mine).json()
        for number in range(_WARM + _RATINGS):
            movie_id = page["items"][0]["movie"]["movie_id"]
            before = page["list_id"]
            client.ask(_rating(movie_id, token)).json()
            answered, pages = time.monotonic(), list(_until_changed(client, mine, before, movie_id))
            seconds, page = time.monotonic() - answered, pages[-1]
            if number >= _WARM:
                alone = sum(one["degraded"] for one in pages)
                yield Fresh(seconds, stale=len(pages) - 1 - alone, alone=alone)


def _until_changed(client: Connection, mine: bytes, before: str, movie_id: int) -> Iterator[Any]:
    """Pages up to the first of another list, without the movie, that the recommender made."""
    for _ in range(_MOST_PAGES):
        page = client.ask(mine).json()
        yield page
        shown = {one["movie"]["movie_id"] for one in page["items"]}
        if not page["degraded"] and page["list_id"] != before and movie_id not in shown:
            return
    raise Failure(f"{_MOST_PAGES} pages do not know of a rating")


def _rating(movie_id: int, token: str) -> bytes:
    stars = movie_id % 10 / 2 + 0.5
    return request("PUT", f"/api/v1/me/ratings/{movie_id}", token, document={"rating": stars})


@contextmanager
def _others(suite: Standing) -> Generator[Callable[[], int]]:
    """People who rate, read a movie and ask for their list, each once in a while; yields what says
    how many answers they have had."""
    stop, answers = threading.Event(), list[int]()

    def busy(first: int) -> None:
        with Connection(suite.port) as client:
            for raw in itertools.cycle(_requests(suite, first)):
                if stop.wait(_PAUSE_SECONDS):
                    return
                client.ask(raw).json()
                answers.append(first)

    with ExitStack() as stack:
        for number in range(_OTHERS):
            thread = threading.Thread(target=busy, args=(number,))
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        yield lambda: len(answers)


def _requests(suite: Standing, first: int) -> Iterator[bytes]:
    _, token = suite.register()
    for movie_id in suite.movie_ids[first::_OTHERS]:
        yield from (
            _rating(movie_id, token),
            get(f"/api/v1/movies/{movie_id}"),
            get(_MINE, token),
        )
