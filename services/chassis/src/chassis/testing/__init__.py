"""pytest plugin: a real PostgreSQL and Valkey, migrated databases, a served RPC, tokens.

Fixtures: `database_for("interactions")` gives a Database (same test, same package: the same one),
`database_url_for` its URL; `redis_streams`, `redis_cache` (clients) and `redis_streams_url`,
`redis_cache_url`; `running(*registrations)` a server with `.target` and `.channel`;
`tokens.user(user_id)`, `tokens.service("gateway")` metadata for a call; `settings_for(...)`
a Settings object that points at all of these; `postbox` a mail server (`postbox.url`,
`postbox.delivered`). `eventually` waits for a condition.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
import structlog

from chassis.database import Database
from chassis.embedded import EmbeddedPostgres, EmbeddedValkey
from chassis.rpc import Registration
from chassis.settings import ServiceSettings
from chassis.testing.calls import INTERNAL_KEY, Running, Tokens, run_server
from chassis.testing.databases import Databases
from chassis.testing.mail import Postbox, open_postbox
from chassis.testing.servers import RunFolder, Servers, servers_in
from chassis.testing.waiting import eventually

__all__ = ["Postbox", "Running", "Tokens", "eventually"]

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

_RUN_FOLDER = pytest.StashKey[RunFolder]()
_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """The run's first process makes the folder; xdist's workers are told of it."""
    _log_plainly()
    told = getattr(config, "workerinput", None)
    if told is not None:
        config.stash[_FOLDER] = Path(told["marquee_folder"])
        return
    run_folder = RunFolder()
    config.stash[_RUN_FOLDER] = run_folder
    config.stash[_FOLDER] = run_folder.path


def _log_plainly() -> None:
    # structlog's own default draws each exception with all its variables, for seconds.
    plain = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    shared = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]
    structlog.configure(processors=[*shared, plain])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist's hook for each worker it starts."""
    node.workerinput["marquee_folder"] = str(node.config.stash[_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the servers; their keeper ends them."""
    run_folder = config.stash.get(_RUN_FOLDER, None)
    if run_folder is not None:
        run_folder.release()


@pytest.fixture(scope="session")
def run_servers(pytestconfig: pytest.Config) -> Servers:
    """Both servers, shared by every process of this pytest run."""
    return servers_in(pytestconfig.stash[_FOLDER])


@pytest.fixture(scope="session")
def postgres_server(run_servers: Servers) -> EmbeddedPostgres:
    """The run's PostgreSQL. Shared: never stop it; start your own to kill."""
    return run_servers.postgres


@pytest.fixture(scope="session")
def valkey_server(run_servers: Servers) -> EmbeddedValkey:
    """The run's Valkey. Shared: no FLUSHALL (flushdb is yours); start your own to kill."""
    return run_servers.valkey


@pytest.fixture
def databases(run_servers: Servers) -> Iterator[Databases]:
    """The databases of this test."""
    made = Databases(run_servers)
    yield made
    made.drop()


@pytest.fixture
def database_for(databases: Databases) -> Callable[[str], Database]:
    """`database_for("interactions")`: a fresh, migrated database of that package."""
    return databases.connect


@pytest.fixture
def database_url_for(databases: Databases) -> Callable[[str], str]:
    """The DATABASE_URL of the same database, for a process of its own."""
    return databases.url


def _worker_number(request: pytest.FixtureRequest) -> int:
    told = getattr(request.config, "workerinput", None)
    return int(told["workerid"].removeprefix("gw")) if told else 0


def _empty_redis(request: pytest.FixtureRequest, offset: int) -> str:
    """URL of one of this worker's two logical databases, emptied."""
    server: EmbeddedValkey = request.getfixturevalue("valkey_server")
    url = server.url_of(2 * _worker_number(request) + offset)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def redis_streams_url(request: pytest.FixtureRequest) -> str:
    """REDIS_STREAMS_URL of this test; empty at its start."""
    return _empty_redis(request, 0)


@pytest.fixture
def redis_cache_url(request: pytest.FixtureRequest) -> str:
    """REDIS_CACHE_URL of this test; empty at its start."""
    return _empty_redis(request, 1)


@pytest.fixture
def redis_streams(redis_streams_url: str) -> Iterator[redis.Redis]:
    """A client of the streams' Redis, bytes in and out."""
    with redis.Redis.from_url(redis_streams_url) as client:
        yield client


@pytest.fixture
def redis_cache(redis_cache_url: str) -> Iterator[redis.Redis]:
    """A client of the cache's Redis, bytes in and out."""
    with redis.Redis.from_url(redis_cache_url) as client:
        yield client


@pytest.fixture
def tokens() -> Tokens:
    """Mints tokens that the servers of `running` accept."""
    return Tokens()


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """An SMTP server that keeps what it is given."""
    with open_postbox() as opened:
        yield opened


@pytest.fixture
def settings_for(
    databases: Databases, redis_streams_url: str, redis_cache_url: str
) -> Callable[..., Any]:
    """`settings_for(Settings, "interactions", ...)`: settings that point at this test's servers."""

    def make(kind: type[SettingsT], package: str, **more: object) -> SettingsT:
        return kind.model_validate(
            {
                "database_url": databases.url(package),
                "redis_streams_url": redis_streams_url,
                "redis_cache_url": redis_cache_url,
                "internal_key": INTERNAL_KEY,
                **more,
            }
        )

    return make


@pytest.fixture
def running(tokens: Tokens) -> Iterator[Callable[..., Running]]:
    """`running(*registrations)`: those servicers served here; stopped with the test.

    `settings=` replaces the plain ServiceSettings, for its number of workers and the like.
    """
    started: list[Running] = []

    def run(*servicers: Registration, settings: ServiceSettings | None = None) -> Running:
        one = run_server(settings or _plain_settings(), tokens, *servicers)
        started.append(one)
        return one

    yield run
    for one in started:
        one.channel.close()
        one.server.stop()


def _plain_settings() -> ServiceSettings:
    nowhere = "redis://127.0.0.1:1/0"
    return ServiceSettings.model_validate(
        {
            "database_url": "postgresql+psycopg2://127.0.0.1:1/nowhere",
            "redis_streams_url": nowhere,
            "redis_cache_url": nowhere,
            "internal_key": INTERNAL_KEY,
            "grpc_workers": 4,
        }
    )
