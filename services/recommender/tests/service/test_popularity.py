"""What is popular, and popular lately: counted live as it is trained."""

from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from recommender_world import World, movie_ids

from marquee.interactions.v1 import events_pb2 as interaction_events
from marquee.recommender.v1 import recommender_pb2 as pb
from recommender.operations import training
from recommender.ranking.rankers import DAY_SECONDS, TREND_DAYS
from recommender.ranking.training import Options, train
from recommender.store.popularity import popularity, refresh_popularity

TRENDING = pb.RECOMMENDATION_TYPE_TRENDING


def do(world: World, user_id: UUID, kind: type, moment: str, movie_id: int, days: float) -> None:
    """A favorite or another deed, so many days ago."""
    world.sequences[user_id] += 1
    told = kind(user_id=str(user_id), movie_id=movie_id, sequence=world.sequences[user_id])
    getattr(told, moment).FromDatetime(world.now - timedelta(days=days))
    world.tell(told)


def counted(world: World) -> dict[int, tuple[int, float]]:
    with world.database.begin() as connection:
        refresh_popularity(connection, world.now)
        found = popularity(connection, world.now)
    pairs = zip(found.counts.tolist(), found.recent.tolist(), strict=True)
    return dict(zip(found.movie_ids.tolist(), pairs, strict=True))


def test_recent_popularity_is_what_a_training_makes_of_the_same_deeds(world: World):
    world.add_movies(6)
    people = [world.new_person() for _ in range(3)]
    for number, person in enumerate(people):
        world.rate(person, 1, 5.0 - 2 * number)
        do(world, person, interaction_events.FavoriteAdded, "favorited_at", 1, 3 + number)
        do(world, person, interaction_events.WatchlistEntryAdded, "added_at", 2 + number, 20)
        do(world, person, interaction_events.MovieHidden, "hidden_at", 5, 1)
        do(world, person, interaction_events.FavoriteAdded, "favorited_at", 6, 40)
    do(world, people[-1], interaction_events.FavoriteRemoved, "removed_at", 6, 0)
    live = counted(world)
    interactions, catalogue = training.read_all(world.database)
    arrays = train(interactions, catalogue, Options(learn_blend=False)).arrays
    age = (world.now.timestamp() - arrays["trend.moments"][-1]) / (TREND_DAYS * DAY_SECONDS)
    recent = arrays["trend.values"][-1] * np.exp(-age)
    trained = dict(zip(arrays["trend.movies"].tolist(), recent.tolist(), strict=True))
    for place, movie_id in enumerate(arrays["movies.ids"].tolist()):
        people, lately = live.get(movie_id, (0, 0.0))
        assert people == arrays["movies.counts"][place], movie_id
        assert lately == pytest.approx(trained.get(place, 0.0), rel=1e-4), movie_id


@pytest.mark.parametrize("years", [5, 15, 60])
def test_what_is_years_ago_counts_as_somebody_and_not_as_lately(world: World, years: int):
    world.add_movies(3)
    person, days = world.new_person(), 365 * years
    do(world, person, interaction_events.FavoriteAdded, "favorited_at", 1, days)
    do(world, person, interaction_events.WatchlistEntryAdded, "added_at", 2, days)
    assert counted(world) == {1: (1, pytest.approx(0)), 2: (1, pytest.approx(0))}
    with world.database.read() as connection:
        later = popularity(connection, world.now + timedelta(days=days))
    assert later.counts.tolist() == [1, 1]
    assert later.recent == pytest.approx(0)


def test_what_the_world_likes_is_a_trend_only_while_there_is_no_model(world: World):
    world.add_movies(60)
    person = world.new_person()
    without = world.recommend(person, type=TRENDING)
    assert movie_ids(without)[0] == 50, "of TMDb's most popular"
    assert without.recommendations[0].score > 0
    world.rate_by_taste(60, 40)
    world.train()
    reply = world.recommend(person, type=TRENDING, page_size=60)
    scores = {one.movie_id: one.score for one in reply.recommendations}
    assert len(scores) == 60
    assert not any(scores[movie_id] for movie_id in range(41, 61)), "nobody here met them"
