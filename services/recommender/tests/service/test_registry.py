"""The registry of models: who is live while others are judged, and what is kept of the rest."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
from recommender_world import World, killed

from chassis import jobs
from chassis.database import uuid7
from chassis.testing.waiting import eventually
from recommender import wiring
from recommender.jobs import FORGETTING
from recommender.operations import models, training
from recommender.store import models as stored_models

_FILES = {"movies.ids": {"sha256": "", "size": 0}}


@pytest.fixture
def rated(world: World) -> World:
    world.add_movies(30)
    world.rate_by_taste(90, 30)
    return world


def folder_of(world: World, version: str) -> Path:
    return Path(world.settings.model_store.removeprefix("file://")) / version


def version_of(number: int) -> str:
    return f"20260101T0000{number:02}-00000000"


def stored(world: World, number: int, state: str, *, promoted: int | None = None) -> str:
    """A model of the registry whose only file is there; it was live at that second, if ever."""
    version = version_of(number)
    folder_of(world, version).mkdir(parents=True)
    (folder_of(world, version) / "movies.ids.npy").touch()
    with world.database.begin() as connection:
        connection.execute(
            sa.text(
                "insert into model (model_version, state, artefacts, promoted_at) values"
                " (:version, :state, cast(:files as jsonb), to_timestamp(cast(:promoted as int)))"
            ),
            {"version": version, "state": state, "files": json.dumps(_FILES), "promoted": promoted},
        )
    return version


def forget(world: World, kept: int) -> None:
    settings = world.settings.model_copy(update={"kept_models": kept})
    with world.database.begin() as connection:
        jobs.enqueue(connection, FORGETTING, key=uuid7().hex, max_attempts=1)
    wiring.worker_of(settings, world.database).run_waiting()


def kept(world: World) -> set[str]:
    """Versions the registry tells to be stored; each of them has files, and nothing else has."""
    with world.database.read() as connection:
        found = sa.text("select model_version from model where artefacts <> '{}'::jsonb")
        told = set(connection.execute(found).scalars())
    assert {folder.name for folder in folder_of(world, "").iterdir()} == told
    return told


def test_rejected_models_do_not_push_out_those_that_may_come_back(world: World):
    stored(world, 1, "retired", promoted=10)
    last_live = stored(world, 2, "retired", promoted=40)
    live = stored(world, 3, "live", promoted=50)
    before = stored(world, 4, "retired", promoted=30)
    rejected = [stored(world, number, "rejected") for number in range(5, 9)]
    candidate = stored(world, 9, "candidate")
    forget(world, 2)
    assert kept(world) == {live, last_live, before, rejected[-1], candidate}


def test_files_left_by_one_that_died_go_the_next_time_and_those_of_others_stay(world: World):
    stored(world, 1, "live", promoted=1)
    left = stored(world, 2, "retired", promoted=0)
    with world.database.begin() as connection:
        stored_models.close_model(connection, left, artefacts={})
    others = folder_of(world, version_of(3))
    others.mkdir()
    forget(world, 1)
    assert not folder_of(world, left).exists()
    assert others.exists()


def test_a_model_put_live_meanwhile_is_not_forgotten(world: World):
    wanted = stored(world, 1, "retired", promoted=10)
    stored(world, 2, "live", promoted=30)
    stored(world, 3, "retired", promoted=20)
    waiting = sa.text(
        "select count(*) from pg_locks join pg_database on oid = database"
        " where datname = current_database() and relation = 'model'::regclass and not granted"
    )
    forgetting = threading.Thread(target=forget, args=(world, 1))
    with world.database.begin() as connection:
        stored_models.lock_registry(connection)
        stored_models.promote(connection, wanted)
        forgetting.start()
        eventually(lambda: connection.execute(waiting).scalar_one() > 0)
    forgetting.join()
    assert wanted in kept(world)


def test_a_training_that_failed_for_good_is_closed_and_leaves_no_files(rated: World):
    with rated.database.begin() as connection:
        job_id = models.start_training(connection, "")
    killed(rated, models.TRAINING)
    with rated.database.begin() as connection:
        connection.execute(sa.text("update job set max_attempts = 2"))
    killed(rated, models.TRAINING)
    version = training.version_of(job_id)
    assert folder_of(rated, version).exists()
    forget(rated, 5)
    with rated.database.read() as connection:
        row = stored_models.find_model(connection, version)
    assert row is not None
    assert (row.state, row.note) == ("rejected", "the training failed: the worker was lost")
    assert not folder_of(rated, version).exists()


def test_a_training_that_goes_on_after_its_model_was_closed_does_not_register_it(rated: World):
    job_id = uuid7()
    version = training.version_of(job_id)

    def report(*_: int, step: str) -> None:
        if step == "promote":
            with rated.database.begin() as connection:
                stored_models.close_model(connection, version, state="rejected")

    assert not trained(rated, job_id, report)["promoted"]
    with rated.database.read() as connection:
        row = stored_models.find_model(connection, version)
    assert row is not None
    assert (row.state, row.artefacts) == ("rejected", {})


def test_a_candidate_is_judged_again_when_another_model_went_live_meanwhile(rated: World):
    other = rated.train()
    with rated.database.begin() as connection:
        stored_models.close_model(connection, other, state="retired")
    steps: list[str] = []

    def report(*_: int, step: str) -> None:
        steps.append(step)
        if steps.count("promote") == 1 and step == "promote":
            with rated.database.begin() as connection:
                models.promote(connection, other, at=rated.now)

    result = trained(rated, uuid7(), report)
    assert steps[-3:] == ["judge", "promote", "promote"]
    with rated.database.read() as connection:
        row = stored_models.find_model(connection, result["model_version"])
    assert row is not None
    assert "live_ndcg_at_10" in row.metrics


def trained(world: World, job_id: Any, report: Any) -> dict[str, Any]:
    """A training run here, whose steps are told to `report`."""
    progress = SimpleNamespace(report=report, checkpoint=lambda _: None, saved={})
    job = jobs.Job(job_id, models.TRAINING, {}, 1)
    return wiring.chores_of(world.settings, world.database).train(job, cast(Any, progress))
