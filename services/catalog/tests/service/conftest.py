"""The catalog as it answers, beside a real stand-in for TMDb in a process of its own."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.rpc import CatalogServicer
from catalog.settings import Settings
from catalog.wiring import programs
from chassis.paging import PageTokens
from marquee.catalog.v1 import catalog_pb2_grpc

# importlib mode gives tests no path of their own, and what they share is no part of the service.
sys.path.insert(0, str(Path(__file__).parent))
from catalog_world import NOW, TOKEN, Caller, Standin, Syncing, started_standin


@pytest.fixture(scope="module")
def standin_process() -> Iterator[Standin]:
    with started_standin() as one:
        yield one


@pytest.fixture
def standin(standin_process) -> Standin:
    """Without faults, at its first moment."""
    standin_process.faults()
    standin_process.put("/_clock", {"now": NOW})
    return standin_process


@pytest.fixture
def settings(settings_for, standin) -> Settings:
    return settings_for(
        Settings,
        "catalog",
        catalog_source="standin",
        tmdb_read_token=TOKEN,
        tmdb_base_url=f"{standin.url}/3",
        tmdb_export_url=f"{standin.url}/p/exports",
        tmdb_rate=5000,
        sync_batch_size=40,
        sync_list_pages=2,
        tmdb_languages="de",
    )


@pytest.fixture
def syncing(settings) -> Iterator[Syncing]:
    one = Syncing(settings)
    yield one
    one.close()


@pytest.fixture
def synced(syncing) -> Syncing:
    """Everything loaded once."""
    syncing.run("all")
    return syncing


@pytest.fixture
def caller_as(syncing, running):
    servicer = CatalogServicer(
        syncing.context.database,
        syncing.context.cache,
        PageTokens(b"k" * 32),
        "standin",
        lambda: datetime.now(UTC),
    )
    stub = catalog_pb2_grpc.CatalogServiceStub(running(programs.registration(servicer)).channel)
    return lambda metadata: Caller(stub, metadata)


@pytest.fixture
def catalog(caller_as, tokens):
    """What the gateway calls."""
    return caller_as(tokens.service("gateway"))


@pytest.fixture
def admin(caller_as, tokens):
    return caller_as(tokens.user(role="admin"))


@pytest.fixture
def loaded(synced, catalog):
    """The catalog, with everything in it; a few movies have no release date."""
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update movie set release_date = null where tmdb_id %% 10 = 0")
    return catalog
