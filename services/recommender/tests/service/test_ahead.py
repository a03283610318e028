"""Lists made before anybody asks, and made anew once anything they were made of has changed."""

from collections.abc import Callable
from uuid import UUID

import grpc
import pytest
import sqlalchemy as sa
from recommender_world import World, killed, movie_ids
from sqlalchemy.exc import DBAPIError

from chassis import jobs
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.recommender.v1 import recommender_pb2 as pb
from marquee.users.v1 import events_pb2 as user_events
from recommender import wiring
from recommender.domain import Exploration
from recommender.operations import ahead
from recommender.operations.erasing import forgetter
from recommender.store import tastes


@pytest.fixture
def ready(world: World, person: UUID) -> World:
    """A model, and a list for `person`, who rated three odd movies."""
    world.add_movies(60)
    world.rate_by_taste(40, 60)
    for movie_id in (1, 3, 5):
        world.rate(person, movie_id)
    world.train()
    return world


def prepared(world: World) -> dict[UUID, UUID]:
    """People and the lists that were made ahead for them."""
    with world.database.read() as connection:
        rows = connection.execute(sa.text("select user_id, list_id from ranked_list where ahead"))
        return {row.user_id: row.list_id for row in rows}


def test_a_promotion_makes_lists_ahead_and_the_first_visit_reads_one(ready: World, person: UUID):
    made = prepared(ready)
    assert list(made) == [person], "of others no preferences are known"
    first = ready.recommend(person)
    assert first.list_id == str(made[person])
    assert first.recommendations[0].reason.kind == "because_you_rated"
    assert all(movie_id % 2 for movie_id in movie_ids(first)[:10])
    second = ready.recommend(person, page_token=first.next_page_token)
    assert second.list_id == first.list_id
    assert not set(movie_ids(first)) & set(movie_ids(second))
    assert ready.recommend(person).list_id == first.list_id


def rated(world: World, person: UUID) -> None:
    world.rate(person, 7)


def other_preferences(world: World, person: UUID) -> None:
    told = user_events.PreferencesChanged(user_id=str(person), version=2, preferred_language="de")
    world.tell(told)


def another_model(world: World, _person: UUID) -> None:
    with world.database.begin() as connection:
        connection.execute(sa.text("update ranked_list set model_version = 'older'"))


@pytest.mark.parametrize("change", [rated, other_preferences, another_model])
def test_a_list_made_of_what_has_changed_is_not_shown(
    ready: World, person: UUID, change: Callable[[World, UUID], None]
):
    change(ready, person)
    reply = ready.recommend(person)
    assert reply.list_id != str(prepared(ready)[person])
    assert not {1, 3, 5} & set(movie_ids(reply))
    if change is rated:
        assert 7 not in movie_ids(reply)


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": pb.RECOMMENDATION_TYPE_POPULAR},
        {"diversity": 0.9},
        {"filter": pb.RecommendationFilter(genre_ids=[1])},
    ],
)
def test_who_asks_for_something_in_particular_gets_that(ready: World, person: UUID, wanted: dict):
    assert ready.recommend(person, **wanted).list_id != str(prepared(ready)[person])


def test_a_movie_removed_since_is_on_no_list(ready: World, person: UUID):
    gone = movie_ids(ready.recommend(person))[0]
    ready.tell(catalog_events.MoviesRemoved(movie_ids=[gone]))
    ready.live.refresh()
    reply = ready.recommend(person)
    assert reply.list_id == str(prepared(ready)[person])
    assert gone not in movie_ids(reply)
    assert len(reply.recommendations) == 20


def test_a_list_made_a_day_ago_and_shown_a_moment_ago_still_has_its_further_pages(
    ready: World, person: UUID
):
    first = ready.recommend(person)

    def after(hours: int) -> pb.RecommendResponse:
        with ready.database.begin() as connection:
            aged = "update ranked_list set generated_at = now() - make_interval(hours => :hours)"
            connection.execute(sa.text(aged), {"hours": hours})
            jobs.enqueue(connection, "forget_lists", key=str(hours))
        wiring.worker_of(ready.settings, ready.database).run_waiting()
        return ready.recommend(person, page_token=first.next_page_token)

    assert after(25).list_id == first.list_id == str(prepared(ready)[person])
    with pytest.raises(grpc.RpcError) as refused:
        after(49)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_making_lists_goes_on_where_it_was_cut_off(world: World):
    world.add_movies(20)
    world.rate_by_taste(12, 20)
    for _ in range(ahead.PEOPLE_AT_ONCE + 5):
        world.rate(world.new_person(), 1)
    world.train()
    before = prepared(world)
    with world.database.begin() as connection:
        ahead.start_preparing(connection, "again")
    killed(world, ahead.PREPARING)
    half = prepared(world)
    anew = {user_id: half[user_id] for user_id in half if half[user_id] != before[user_id]}
    assert 0 < len(anew) < len(before)
    wiring.worker_of(world.settings, world.database).run_waiting()
    after = prepared(world)
    assert anew.items() <= after.items(), "made once"
    assert not set(after.values()) & set(before.values())


def test_nobody_is_erased_while_their_list_is_made_and_no_list_is_made_after_that(
    ready: World, person: UUID
):
    forget = forgetter(lambda: ready.now)
    with ready.database.begin() as making, ready.database.engine.connect() as erasing:
        assert tastes.hold_people(making, [person]) == [person]
        erasing.execute(sa.text("set local lock_timeout = '20ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            forget(erasing, person)
    assert list(prepared(ready)) == [person]
    with ready.database.begin() as erasing:
        forget(erasing, person)
    snapshot = ready.live.snapshot()
    made = ahead.prepare(ready.database, snapshot, [person], ready.now, Exploration())
    assert (made, prepared(ready)) == (0, {})
