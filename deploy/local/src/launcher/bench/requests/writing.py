"""Writes: a rating, what follows it, and whether sign-ins hold up everybody else."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from statistics import quantiles

from launcher.bench.hello import Hello
from launcher.bench.http import Connection, get, request, seconds_each
from launcher.bench.requests.standing import PASSWORD, Standing
from launcher.bench.rows import Row, at_most

PART = "requests"
_RATINGS, _ASKED, _LIGHT = 400, 150, 600
_SIGNING_IN = 9  # one at work and eight that wait
_SETTLE_SECONDS = 3.0


def rows(suite: Standing, bare: Hello) -> Iterator[Row]:
    """Every goal that is about writing."""
    hello = bare.cpu_seconds
    _, token = suite.register()
    _, other = suite.register()
    # Who rates a movie has been shown it, so that its card is kept.
    _all(suite.port, [_rate(movie_id, other) for movie_id in suite.movie_ids[:_RATINGS]])
    accepting, following = _ratings(suite, token)
    name = "a rating accepted: gateway, interactions, its database and Redis"
    yield _in_hellos(name, accepting, hello, 60)
    name = "a rating with all that follows from it"
    yield Row(PART, name, f"{following * 1e6:.0f} us CPU", f"{following / hello:.1f} H")
    asked = _recommendations(suite, token) - following
    name = "a page of 20 recommendations, made after a rating"
    yield Row(PART, name, f"{asked * 1e6:.0f} us CPU", f"{asked / hello:.1f} H")
    lag = _lag_of_others(suite) * 1000
    yield at_most(PART, "a light request while nine sign in, p99", lag, 10, "ms")


def _in_hellos(what: str, seconds: float, hello: float, most: float) -> Row:
    row = at_most(PART, what, seconds / hello, most, "H")
    return Row(PART, what, f"{seconds * 1e6:.0f} us CPU", row.figure, row.goal, row.met)


def _ratings(suite: Standing, token: str) -> tuple[float, float]:
    """CPU seconds of a rating: of accepting it alone, and of all it leads to."""
    world = suite.world

    def accepting() -> float:
        alone = world.cpu_seconds("gateway", "valkey-streams", "valkey-cache")
        return alone + world.request_seconds("interactions")

    raw = [_rate(movie_id, token) for movie_id in suite.movie_ids[:_RATINGS]]
    before = accepting()

    def ask() -> None:
        nonlocal before
        _all(suite.port, raw)
        before = accepting() - before
        time.sleep(_SETTLE_SECONDS)

    following = suite.spent(ask)
    return before / len(raw), following / len(raw)


def _recommendations(suite: Standing, token: str) -> float:
    """CPU seconds of a rating and of the page asked for after it."""
    mine = get("/api/v1/me/recommendations", token)
    movie_ids = suite.movie_ids[_RATINGS : _RATINGS + _ASKED]
    pairs = [raw for movie_id in movie_ids for raw in (_rate(movie_id, token), mine)]

    def ask() -> None:
        _all(suite.port, pairs)
        time.sleep(_SETTLE_SECONDS)

    return suite.spent(ask) / len(movie_ids)


def _rate(movie_id: int, token: str) -> bytes:
    path = f"/api/v1/me/ratings/{movie_id}"
    return request("PUT", path, token, document={"rating": movie_id % 10 / 2 + 0.5})


def _all(port: int, requests: list[bytes]) -> None:
    for _ in seconds_each(port, requests):
        pass


def _lag_of_others(suite: Standing) -> float:
    """The slowest hundredth of light requests, in seconds, while people sign in all the time."""
    logins = [suite.register()[0] for _ in range(_SIGNING_IN)]
    with _signing_in(suite, logins):
        return quantiles(seconds_each(suite.port, [get("/healthz")] * _LIGHT), n=100)[-1]


@contextmanager
def _signing_in(suite: Standing, logins: list[str]) -> Generator[None]:
    stop = threading.Event()

    def again_and_again(login: str) -> None:
        form = {"grant_type": "password", "username": login, "password": PASSWORD}
        with Connection(suite.port) as client:
            while not stop.is_set():
                client.ask(request("POST", "/api/v1/auth/token", form=form)).json()

    with ExitStack() as stack:
        for login in logins:
            thread = threading.Thread(target=again_and_again, args=(login,))
            thread.start()
            stack.callback(thread.join)
        stack.callback(stop.set)
        yield
