"""Replicas whose model comes from a remote store, which may be away, slow or wrong."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from recommender_world import World, movie_ids

from marquee.catalog.v1 import events_pb2 as catalog_events
from recommender import wiring
from recommender.operations.live import STORE_SECONDS, Live
from recommender.settings import Settings

MOVIES = 60


class Store(MemoryFileSystem):
    """A store of models on another machine."""

    protocol = "store"
    store: dict[str, Any] = {}  # noqa: RUF012 - of fsspec's class: what it holds
    pseudo_dirs = [""]  # noqa: RUF012 - the same
    away = False
    answers = threading.Event()

    def _open(self, path: str, mode: str = "rb", *more: Any, **named: Any) -> Any:
        if mode == "rb":
            self.answers.wait()
            if self.away:
                raise RuntimeError("no endpoint")  # as s3fs lets botocore's own errors through
        return super()._open(path, mode, *more, **named)


@pytest.fixture
def store() -> Iterator[type[Store]]:
    fsspec.register_implementation("store", Store, clobber=True)
    Store.away = False
    Store.answers.set()
    yield Store
    Store.answers.set()
    Store.store.clear()


@pytest.fixture
def settings(settings: Settings, store: type[Store]) -> Settings:
    assert store.protocol == "store"
    return settings.model_copy(update={"model_store": "store://models"})


@pytest.fixture
def trained(world: World) -> World:
    world.add_movies(MOVIES)
    world.rate_by_taste(40, MOVIES)
    assert world.train()
    return world


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def newcomer(
    world: World, clock: Clock, folder: Path, *, patience: float = 20.0, **settings: Any
) -> Live:
    """A replica with nothing on its disk."""
    told = world.settings.model_copy(update={"model_cache": str(folder), **settings})
    return Live(
        world.database,
        wiring.artefacts_of(told),
        now=wiring.utc_now,
        clock=clock,
        patience_seconds=patience,
    )


def test_a_new_replica_answers_while_the_store_is_away_and_takes_the_model_when_it_is_back(
    trained: World, store: type[Store], clock: Clock, tmp_path: Path
):
    store.away = True
    replica = newcomer(trained, clock, tmp_path / "fresh")
    snapshot = replica.snapshot()
    assert snapshot.degraded
    assert len(snapshot.ensemble) == MOVIES
    assert not [one for one in (tmp_path / "fresh").rglob("*") if one.is_file()]
    store.away = False
    assert replica.refresh().degraded, "not asked again before its time"
    clock.seconds += STORE_SECONDS
    assert replica.refresh().model_version == trained.live.snapshot().model_version


def test_a_store_that_does_not_answer_holds_nothing_up(
    trained: World, store: type[Store], clock: Clock, tmp_path: Path
):
    store.answers.clear()
    replica = newcomer(trained, clock, tmp_path / "fresh", patience=0.0)
    assert replica.snapshot().degraded
    trained.tell(catalog_events.MoviesRemoved(movie_ids=[1]))
    shelf = replica.refresh().shelf
    assert shelf.movie_ids[~shelf.removed].tolist() == list(range(2, MOVIES + 1))
    store.answers.set()
    while replica.refresh().degraded:
        pass
    assert replica.snapshot().model_version == trained.live.snapshot().model_version


def test_a_replica_starts_from_its_disk_while_the_store_is_away(
    trained: World, person: UUID, store: type[Store]
):
    store.away = True
    again = wiring.live_of(trained.settings, trained.database)
    assert again.snapshot().model_version == trained.live.snapshot().model_version
    assert len(movie_ids(trained.recommend(person))) == 20


def test_of_a_model_that_was_never_fetched_the_one_before_stands_in(
    trained: World, store: type[Store]
):
    before = trained.live.snapshot().model_version
    store.away = True
    assert trained.train() == before
    again = wiring.live_of(trained.settings, trained.database)
    assert again.snapshot().model_version == before
    assert not again.snapshot().degraded


def cached(world: World) -> list[str]:
    return sorted(one.name for one in Path(world.settings.model_cache).iterdir())


def test_what_the_disk_spoilt_is_fetched_again(trained: World):
    version = trained.live.snapshot().model_version
    (file,) = Path(trained.settings.model_cache).glob("*/movies.counts.npy")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 0xFF]))
    again = wiring.live_of(trained.settings, trained.database)
    assert again.snapshot().model_version == version
    assert file.read_bytes() == whole


def test_models_before_do_not_fill_the_disk(trained: World):
    Path(trained.settings.model_cache, "of somebody else").mkdir()
    versions = [trained.live.snapshot().model_version, *(trained.train() for _ in range(2))]
    assert len(set(versions)) == 3
    assert cached(trained) == [*versions[1:], "of somebody else"]


def test_a_folder_that_is_not_mounted_is_looked_for_again(
    trained: World, clock: Clock, tmp_path: Path
):
    mounted, away = tmp_path / "mounted", tmp_path / "away"
    version = trained.live.snapshot().model_version
    shutil.copytree(Path(trained.settings.model_cache, version), away / version)
    replica = newcomer(trained, clock, tmp_path / "fresh", model_store=f"file://{mounted}")
    assert replica.snapshot().degraded
    away.rename(mounted)
    clock.seconds += STORE_SECONDS
    assert replica.refresh().model_version == version
