"""When a training is begun by itself."""

import sqlalchemy as sa
from recommender_world import World

from chassis import jobs
from chassis.database import uuid7
from recommender import wiring
from recommender.jobs import CONSIDERING
from recommender.operations.models import TRAINING, start_training

# The model there is lost against one that had learnt from half as much.
_AS_IF_REJECTED = (
    "update model set state = 'rejected'",
    "insert into model (model_version, state, trained_at, counted_interactions, meta)"
    " select 'before', 'live', trained_at - interval '1 hour', counted_interactions / 2, meta"
    " from model",
)


def looked(world: World) -> int:
    """A minute passes: whether to train is considered; how many trainings there were by then."""
    with world.database.begin() as connection:
        jobs.enqueue(connection, CONSIDERING, key=uuid7().hex)
    wiring.worker_of(world.settings, world.database).run_waiting()
    with world.database.read() as connection:
        return len(jobs.latest(connection, TRAINING))


def test_a_training_waits_until_what_pours_in_has_arrived_and_a_rejected_one_is_not_repeated(
    world: World,
):
    world.add_movies(30)
    world.rate_by_taste(40, 30)
    assert looked(world) == 0
    world.rate_by_taste(40, 30)
    assert looked(world) == 0
    assert looked(world) == 1
    assert world.live.refresh().model_version
    with world.database.begin() as connection:
        for statement in _AS_IF_REJECTED:
            connection.execute(sa.text(statement))
    assert looked(world) == 1
    world.rate_by_taste(40, 30)
    assert looked(world) == 1
    assert looked(world) == 2


def test_what_was_taken_back_before_a_training_starts_no_other(world: World):
    world.add_movies(30)
    world.rate_by_taste(120, 30)
    back = "update interaction set deleted = true where movie_id % 2 = 0"
    with world.database.begin() as connection:
        taken_back = connection.execute(sa.text(back)).rowcount
    assert taken_back > world.settings.first_training_interactions
    assert [looked(world) for _ in range(4)] == [0, 1, 1, 1]


def test_many_are_counted_alike_when_they_are_read_and_when_a_training_is_considered(world: World):
    world.add_movies(30)
    world.rate_by_taste(40, 30)
    with world.database.begin() as connection:
        connection.execute(sa.text("alter table interaction set (autovacuum_enabled = false)"))
        estimate = "update pg_class set reltuples = 1500000 where oid = 'interaction'::regclass"
        connection.execute(sa.text(estimate))
    assert [looked(world) for _ in range(4)] == [0, 1, 1, 1]


def test_a_training_that_failed_is_not_repeated_within_the_hour(world: World):
    world.add_movies(30)
    world.rate_by_taste(40, 30)
    with world.database.begin() as connection:
        job_id = start_training(connection, "")
        failed = "update job set state = 'failed', finished_at = now() where job_id = :id"
        connection.execute(sa.text(failed), {"id": job_id})
    assert [looked(world) for _ in range(3)] == [1, 1, 1]
    with world.database.begin() as connection:
        connection.execute(sa.text("update job set finished_at = now() - interval '61 minutes'"))
    assert looked(world) == 2
