"""A suite to ask: synced, with people who have rated and a model that learnt from them."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count

import redis

from chassis.database import uuid7
from launcher.backing import SERVICES
from launcher.bench.http import Connection, get, request
from launcher.bench.world import World, world
from launcher.demo import people
from launcher.demo.loading import Loader, connect
from launcher.demo.progress import Progress
from launcher.demo.training import train
from launcher.settings import Failure, LocalSettings

PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who live as long as the bench
# Nothing here is a stranger who guesses.
_UNLIMITED: dict[str, str] = dict.fromkeys(("TMDB_RATE", "TOKEN_LIMIT", "SIGN_UP_LIMIT"), "100000")
_IDLE_SECONDS, _SETTLING_SECONDS = 4.0, 300.0
# Of a core: what pollings take is below it, work above.
_IDLE_SHARE = 0.5
_PAGE = 100


@dataclass
class Standing:
    """A suite that runs, and what it spends when nobody asks."""

    world: World
    movie_ids: list[int] = field(default_factory=list[int])
    """Of all movies, the most popular first."""
    idle: float = 0.0
    """CPU seconds a second of all programs but Traefik."""
    _numbers: Callable[[], int] = field(default_factory=lambda: count().__next__)

    @property
    def port(self) -> int:
        """The gateway's port."""
        return self.world.port("gateway")

    @property
    def programs(self) -> list[str]:
        """Everything but Traefik."""
        return [name for name in self.world.running if name != "traefik"]

    def spent(self, ask: Callable[[], object]) -> float:
        """CPU seconds of all programs for what `ask` does, without what they spend anyway."""
        began, before = time.monotonic(), self.world.cpu_seconds(*self.programs)
        ask()
        seconds = time.monotonic() - began
        return self.world.cpu_seconds(*self.programs) - before - self.idle * seconds

    def register(self) -> tuple[str, str]:
        """A new person: their name and access token."""
        name = f"bench-{uuid7().hex[-12:]}-{self._numbers()}"
        document = {"username": name, "email": f"{name}@bench.example", "password": PASSWORD}
        with Connection(self.port) as client:
            reply = client.ask(request("POST", "/api/v1/auth/register", document=document)).json()
        return name, reply["access_token"]


@contextmanager
def standing(settings: LocalSettings, *, size: int) -> Generator[Standing]:
    """Start everything in an order that works, load it and wait until it is quiet."""
    with ExitStack() as stack:
        here = stack.enter_context(world(settings, size=size))
        for service in SERVICES:
            here.run(service, "migrate")
        for name in ("tmdb_standin", *_services()):
            here.start(name, _UNLIMITED)
        here.run("catalog", "sync", "all", environment=_UNLIMITED)
        for name in ("gateway", "traefik"):
            here.start(name, _UNLIMITED)
        suite = Standing(here)
        _load(here, stack)
        suite.movie_ids = _movie_ids(suite)
        suite.idle = _idle(suite)
        yield suite


def _services() -> list[str]:
    return [f"{service}.{role}" for role in ("serve", "background", "work") for service in SERVICES]


def _load(here: World, stack: ExitStack) -> None:
    environment = here.environment("catalog")
    stubs = connect(environment, stack)
    streams = stack.enter_context(redis.Redis.from_url(environment["REDIS_STREAMS_URL"]))
    progress = Progress(sys.stderr)
    ratings_count = people.load(Loader(stubs, here.state), stubs, progress)
    train(stubs, streams, ratings_count, progress)


def _movie_ids(suite: Standing) -> list[int]:
    found: list[int] = []
    token = ""
    with Connection(suite.port) as client:
        while True:
            path = f"/api/v1/movies?page_size={_PAGE}&page_token={token}"
            page = client.ask(get(path)).json()
            found += [movie["movie_id"] for movie in page["items"]]
            token = page["next_page_token"]
            if not token:
                return found


def _idle(suite: Standing) -> float:
    """CPU seconds a second, once what was loaded and learnt has settled everywhere."""
    ends_at = time.monotonic() + _SETTLING_SECONDS
    while time.monotonic() < ends_at:
        before = _spent_by(suite)
        time.sleep(_IDLE_SECONDS)
        each = {name: spent - before[name] for name, spent in _spent_by(suite).items()}
        share = sum(each.values()) / _IDLE_SECONDS
        if share < _IDLE_SHARE:
            return share
        most = max(each, key=each.__getitem__)
        sys.stderr.write(f"settling: {share:.2f} cores are busy, most of all by {most}\n")
    raise Failure(f"the suite has not settled within {_SETTLING_SECONDS:.0f} s")


def _spent_by(suite: Standing) -> dict[str, float]:
    return {name: suite.world.cpu_seconds(name) for name in suite.programs}
