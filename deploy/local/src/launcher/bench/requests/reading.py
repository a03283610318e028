"""Reads: kept ones, made ones, many at once, and what Traefik takes in front of them."""

import time
from collections.abc import Iterable, Iterator, Sequence

from launcher.bench.hello import Hello
from launcher.bench.http import Connection, ask_at_once, get, seconds_each
from launcher.bench.requests.standing import Standing
from launcher.bench.rows import Row, at_least, at_most

PART = "requests"
_KEPT, _LIGHT, _MADE, _PAGES, _AT_ONCE = 4_000, 2_000, 800, 120, 64
_MINE = "/api/v1/me/recommendations"


def rows(suite: Standing, bare: Hello) -> Iterator[Row]:
    """Every goal that is about reading."""
    first, *others = suite.movie_ids
    yield from _kept_rows(suite, bare, get(f"/api/v1/movies/{first}"))
    _, token = suite.register()
    mine = get(_MINE, token)
    # The first makes it, and what it leads to settles; then it is kept.
    for _ in seconds_each(suite.port, [mine] * 20):
        time.sleep(0.1)
    yield _row(suite, bare, "a kept page of 20 recommendations", [mine] * _LIGHT, 10)

    serial, parallel = others[:_MADE], others[_MADE:]
    yield _row(suite, bare, "a movie, made", _movies(serial), 45)
    yield _row(suite, bare, "a page of 20 movies, made", list(_pages(suite)), 60)
    at_once = _movies(parallel)
    spent = suite.spent(lambda: ask_at_once(suite.port, at_once, _AT_ONCE))
    name = f"a movie, made, over {_AT_ONCE} connections"
    yield at_most(PART, name, spent / len(at_once) / bare.cpu_seconds, 16, "H")
    yield _traefik_row(suite, bare)


def _kept_rows(suite: Standing, bare: Hello, raw: bytes) -> Iterator[Row]:
    began = time.monotonic()
    yield _row(suite, bare, "a kept movie", [raw] * _KEPT, 1.6)
    rate = _KEPT / (time.monotonic() - began)
    share = rate / bare.per_second * 100
    yield at_least(PART, "the same, requests a second by those of hello", share, 60, "%")


def _row(suite: Standing, bare: Hello, what: str, requests: Sequence[bytes], most: float) -> Row:
    spent = suite.spent(lambda: _ask(suite.port, requests))
    each = spent / len(requests)
    row = at_most(PART, what, each / bare.cpu_seconds, most, "H")
    return Row(row.part, row.what, f"{each * 1e6:.0f} us CPU", row.figure, row.goal, row.met)


def _ask(port: int, requests: Iterable[bytes]) -> None:
    for _ in seconds_each(port, requests):
        pass


def _movies(movie_ids: Iterable[int]) -> list[bytes]:
    return [get(f"/api/v1/movies/{movie_id}") for movie_id in movie_ids]


def _pages(suite: Standing) -> Iterator[bytes]:
    """Pages one after the other, as yet unasked: their places are found by another spelling."""
    token = ""
    with Connection(suite.port) as client:
        for _ in range(_PAGES):
            yield get(f"/api/v1/movies?page_size=20&page_token={token}")
            page = client.ask(get(f"/api/v1/movies?page_token={token}&page_size=20")).json()
            token = page["next_page_token"]
            if not token:
                return


def _traefik_row(suite: Standing, bare: Hello) -> Row:
    """CPU time of Traefik itself, in front of the lightest request there is."""
    port, light = suite.world.port("traefik"), [get("/healthz")] * _LIGHT
    _ask(port, light)
    before = suite.world.cpu_seconds("traefik")
    _ask(port, light)
    each = (suite.world.cpu_seconds("traefik") - before) / _LIGHT
    return at_most(PART, "Traefik in front of a light request", each / bare.cpu_seconds, 3.5, "H")
