"""Trainings and searches: what they find, what a killed one keeps, what a command says of it."""

import json
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from recommender_world import World, killed

from chassis import jobs
from chassis.database import uuid7
from recommender import wiring
from recommender.operations import models, training
from recommender.ranking.training import Options
from recommender.store import models as stored_models


@pytest.fixture
def rated(world: World) -> World:
    world.add_movies(30)
    world.rate_by_taste(40, 30)
    return world


def started(world: World) -> UUID:
    with world.database.begin() as connection:
        return models.start_training(connection, "")


def record_of(world: World, job_id: UUID) -> jobs.JobRecord:
    with world.database.read() as connection:
        record = jobs.find(connection, job_id)
    assert record is not None
    return record


def result_of(world: World, job_id: UUID) -> dict:
    """What comes of a job."""
    wiring.worker_of(world.settings, world.database).run_waiting()
    record = record_of(world, job_id)
    assert record.state == "done"
    assert record.result is not None
    return record.result


def artefacts(world: World, version: str) -> dict[str, int]:
    """When each file of a stored model was written."""
    folder = Path(world.settings.model_store.removeprefix("file://")) / version
    return {file.name: file.stat().st_mtime_ns for file in folder.glob("*.npy")}


def test_a_killed_training_goes_on_from_what_it_had_learnt_and_stored(rated: World):
    job_id = started(rated)
    killed(rated, models.TRAINING)
    assert "learnt" in record_of(rated, job_id).checkpoint
    with rated.database.read() as connection:
        (version,) = connection.execute(sa.text("select model_version from model")).scalars()
    assert not artefacts(rated, version)
    killed(rated, models.TRAINING)
    written = artefacts(rated, version)
    assert written
    assert result_of(rated, job_id)["promoted"]
    assert artefacts(rated, version) == written, "fitted and written once"
    assert rated.live.refresh().model_version == version


def test_a_training_fits_again_what_was_stored_and_got_lost(rated: World):
    job_id = started(rated)
    killed(rated, models.TRAINING)
    killed(rated, models.TRAINING)
    folder = Path(rated.settings.model_store.removeprefix("file://"))
    (file,) = folder.glob("*/movies.ids.npy")
    file.unlink()
    assert result_of(rated, job_id)["promoted"]
    assert rated.live.refresh().model_version


def told(output: str) -> dict:
    """The last line, after those of the log."""
    return json.loads(output.splitlines()[-1])


def test_a_command_says_what_became_of_its_training(
    rated: World, capsys: pytest.CaptureFixture[str]
):
    assert wiring.train(rated.settings, []) == 0
    assert told(capsys.readouterr().out)["result"]["promoted"]
    broken = rated.settings.model_copy(update={"model_store": "file:///proc/nowhere"})
    with rated.database.begin() as connection:
        job_id = models.start_training(connection, "")
        last = sa.text("update job set max_attempts = 1 where job_id = :id")
        connection.execute(last, {"id": job_id})
    assert wiring.train(broken, []) == 1
    output = capsys.readouterr()
    assert told(output.out)["state"] == "failed"
    assert "nowhere" in output.err


def test_a_search_goes_on_after_a_kill_and_the_next_training_uses_what_it_chose(world: World):
    world.add_movies(12)
    # A tenth of them try options out, and it takes fifty of those.
    world.rate_by_taste(1_000, 12)
    with world.database.begin() as connection:
        job_id = models.start_search(connection)
    killed(world, models.SEARCHING)
    # More of those who try options out: what was found before they came is no pair of theirs.
    world.rate_by_taste(100, 12)
    (first,) = record_of(world, job_id).checkpoint["trials"]
    result = result_of(world, job_id)
    trials = result["trials"]
    assert trials[0] == first
    assert len(trials) > 1
    assert first["options"] == {}
    kept = [trial for trial in trials if trial["kept"]]
    assert result["chosen"] == kept[-1]["options"]
    assert all(trial["gain_low"] > 0 for trial in kept[1:])
    with world.database.begin() as connection:
        stored_models.keep_search(connection, uuid7(), chosen={"dropout": 2.0}, trials=trials)
    assert training.options_for(world.database, 1) == Options(dropout=2.0)


def test_too_few_people_choose_nothing(rated: World):
    with rated.database.begin() as connection:
        job_id = models.start_search(connection)
    assert result_of(rated, job_id) == {"chosen": {}, "trials": []}


def test_a_command_waits_for_a_training_that_is_not_its_turn_yet(
    rated: World, capsys: pytest.CaptureFixture[str]
):
    job_id = started(rated)
    with rated.database.begin() as connection:
        later = sa.text("update job set run_after = now() + interval '1 second' where job_id = :id")
        connection.execute(later, {"id": job_id})
    assert wiring.train(rated.settings, []) == 0
    assert told(capsys.readouterr().out)["result"]["promoted"]
    assert record_of(rated, job_id).attempt == 1
