"""Exploration: off unless it is switched on, and then every place says how probable it was."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from recommender_world import World, movie_ids
from sqlalchemy import text

from marquee.recommender.v1 import events_pb2
from marquee.recommender.v1 import recommender_pb2 as pb
from recommender.domain import EXPLORED_AMONG
from recommender.wiring import neighbours_of, registration

_SHARE = 0.2


@pytest.fixture
def exploring(world: World, running: Callable[..., Any]) -> World:
    """The same world, served by one that explores a fifth of the places."""
    settings = world.settings.model_copy(update={"exploration_share": _SHARE})
    served = running(registration(settings, world.database, world.live, neighbours_of(settings)))
    return World(settings, world.database, world.live, served.channel, world.tokens)


def history(world: World, person: UUID) -> list[pb.RecommendationRecord]:
    request = pb.ListRecommendationHistoryRequest(page_size=100)
    metadata = world.tokens.user(person)
    return list(
        world.stub.ListRecommendationHistory(request, metadata=metadata, timeout=10).records
    )


def served(world: World) -> list[events_pb2.ListServed]:
    """What others were told of, oldest first."""
    with world.database.begin() as connection:
        told = "select payload from outbox where type like '%ListServed' order by occurred_at"
        payloads = connection.execute(text(told)).scalars().all()
    return [events_pb2.ListServed.FromString(payload) for payload in payloads]


def test_the_history_tells_how_probable_each_place_was(exploring: World, person: UUID):
    exploring.add_movies(60)
    left = movie_ids(exploring.recommend(person, type=pb.RECOMMENDATION_TYPE_HYBRID, page_size=60))
    assert not any(record.HasField("probability") for record in history(exploring, person))
    explored = exploring.recommend(person, page_size=60)
    assert movie_ids(explored) != left
    assert sorted(movie_ids(explored)) == sorted(left)
    records = [one for one in history(exploring, person) if one.list_id == explored.list_id]
    for record in sorted(records, key=lambda one: one.recommendation.position):
        among = min(len(left), EXPLORED_AMONG)
        best = record.recommendation.movie_id == left[0]
        assert record.probability == pytest.approx(_SHARE / among + (1 - _SHARE) * best)
        left.remove(record.recommendation.movie_id)
    assert left == []
    told = served(exploring)[-1]
    offered = {one.recommendation.position: one for one in records}
    assert list(told.positions) == sorted(offered)
    assert list(told.movie_ids) == [offered[at].recommendation.movie_id for at in told.positions]
    for at, score, probability in zip(told.positions, told.scores, told.probabilities, strict=True):
        assert score == pytest.approx(offered[at].recommendation.score)
        assert probability == pytest.approx(offered[at].probability)


def test_lists_asked_for_by_name_and_everything_without_exploration_are_left_alone(
    exploring: World, world: World, person: UUID
):
    world.add_movies(60)
    popular = [movie_ids(exploring.recommend(person, type=2, page_size=60)) for _ in range(3)]
    assert popular[0] == popular[1] == popular[2]
    hybrid = world.recommend(person, type=pb.RECOMMENDATION_TYPE_HYBRID, page_size=60)
    assert movie_ids(world.recommend(person, page_size=60)) == movie_ids(hybrid)
    assert not any(record.HasField("probability") for record in history(world, person))
