"""When a training is begun by itself."""

import sqlalchemy as sa
from recommender_world import World

from chassis import jobs
from chassis.database import uuid7
from recommender import wiring
from recommender.jobs import CONSIDERING
from recommender.operations.models import TRAINING

# The model there is lost against one that had learnt from half as much.
_AS_IF_REJECTED = (
    "update model set state = 'rejected'",
    "insert into model (model_version, state, trained_at, interactions_count, meta)"
    " select 'before', 'live', trained_at - interval '1 hour', interactions_count / 2, meta"
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
