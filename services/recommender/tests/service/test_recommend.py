"""Recommend, seen from its door."""

from collections.abc import Callable
from uuid import UUID

import grpc
import pytest
from recommender_world import Interactions, Users, World, movie_ids

from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.interactions.v1 import interactions_pb2 as ipb
from marquee.recommender.v1 import recommender_pb2 as pb
from marquee.users.v1 import users_pb2 as upb


def test_without_a_model_popular_movies_answer_and_say_degraded(world: World, person: UUID):
    world.add_movies(40)
    reply = world.recommend(person)
    assert len(reply.recommendations) == 20
    assert reply.degraded
    assert reply.model_version == ""


def test_an_empty_catalogue_gives_an_empty_list(world: World, person: UUID):
    reply = world.recommend(person)
    assert list(reply.recommendations) == []
    assert reply.next_page_token == ""


def test_a_trained_model_gives_people_their_block(world: World, person: UUID):
    world.add_movies(60)
    world.rate_by_taste(60, 60)
    assert world.train()
    for movie_id in (1, 3, 5):
        world.rate(person, movie_id)
    reply = world.recommend(person, page_size=10)
    assert not reply.degraded
    assert all(movie_id % 2 for movie_id in movie_ids(reply))
    assert not {1, 3, 5} & set(movie_ids(reply))
    reason = reply.recommendations[0].reason
    assert reason.kind == "because_you_rated"
    assert set(reason.movie_ids) <= {1, 3, 5}
    assert reason.text.startswith("Because you liked Movie")


def test_a_rating_counts_before_its_event_has_travelled(
    world: World, person: UUID, interactions: Interactions
):
    world.add_movies(30)
    before = world.recommend(person, known_sequence=0)
    first = movie_ids(before)[0]
    interactions.changes[str(person)].append(
        ipb.InteractionChange(
            movie_id=first, kind=ipb.INTERACTION_KIND_RATING, sequence=4, rating=4.5
        )
    )
    after = world.recommend(person, known_sequence=4)
    assert first not in movie_ids(after)
    assert after.sequence == 4
    assert interactions.asked == 1
    world.recommend(person, known_sequence=4)
    assert interactions.asked == 1


def test_when_the_gateway_has_forgotten_the_sequence_interactions_is_asked(
    world: World, person: UUID, interactions: Interactions
):
    world.add_movies(5)
    world.recommend(person, known_sequence=None)
    assert interactions.asked == 1


def test_when_the_gateway_has_forgotten_the_version_of_preferences_users_is_asked(
    world: World, person: UUID, users: Users
):
    world.add_movies(5)
    changed = upb.Preferences(version=2, recommendation_diversity=0.5)
    users.preferences[str(person)] = upb.GetPreferencesOfResponse(preferences=changed)
    reply = world.recommend(person, known_preferences_version=None)
    assert reply.preferences_version == 2
    assert reply.recommendations[0].recommendation_type == pb.RECOMMENDATION_TYPE_POPULAR


def test_a_neighbour_that_is_down_makes_every_page_degraded_not_refused(
    world: World, person: UUID, interactions: Interactions, users: Users
):
    world.add_movies(30)
    world.rate_by_taste(60, 30)
    world.train()
    before = world.recommend(person)
    assert not before.degraded
    interactions.down = users.down = True
    for behind in ({"known_sequence": 3}, {"known_preferences_version": None}):
        for token in ("", before.next_page_token):
            reply = world.recommend(person, page_token=token, **behind)
            assert reply.recommendations
            assert reply.degraded


def test_an_event_seen_twice_or_late_changes_nothing(world: World, person: UUID):
    world.add_movies(10)
    world.rate(person, 1, 5.0)
    world.sequences[person] = 0
    world.rate(person, 1, 0.5)
    assert world.recommend(person).sequence == 1
    assert 1 not in movie_ids(world.recommend(person))


def test_filters_leave_a_full_page(world: World, person: UUID):
    world.add_movies(100)
    wanted = pb.RecommendationFilter(genre_ids=[1], released_after="1995-01-01", person_ids=[3])
    reply = world.recommend(person, filter=wanted, page_size=5)
    assert len(reply.recommendations) == 5
    assert all(movie_id % 2 and movie_id % 7 == 2 for movie_id in movie_ids(reply))


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ({"year": 1995}, lambda one: one % 20 == 5),
        ({"released_before": "1992-12-31"}, lambda one: one % 20 < 3),
        ({"min_rating": 7.5}, lambda one: one % 3 == 0),
        ({"min_votes": 500}, lambda one: one % 4 == 0),
        ({"language": "fr"}, lambda one: one % 5 == 0),
        ({"min_runtime": 120}, lambda one: one % 60 >= 30),
        ({"max_runtime": 100}, lambda one: one % 60 <= 10),
        ({"person_ids": [3]}, lambda one: one % 7 == 2),
        ({"keyword_ids": [4]}, lambda one: one % 6 == 4),
        ({"exclude_movie_ids": range(1, 60)}, lambda one: one >= 60),
        ({"exclude_movie_ids": range(1, 501)}, lambda _: False),
        ({"min_votes": 500, "language": "fr"}, lambda one: one % 20 == 0),
    ],
)
def test_each_filter_keeps_what_it_says_and_all_of_it(
    world: World, person: UUID, wanted: dict, kept: Callable[[int], bool]
):
    world.add_movies(80, differently=True)
    reply = world.recommend(person, filter=pb.RecommendationFilter(**wanted), page_size=80)
    assert sorted(movie_ids(reply)) == [one for one in range(1, 81) if kept(one)]


def test_what_is_taken_back_counts_no_longer(world: World, person: UUID):
    world.add_movies(60)
    world.rate_by_taste(60, 60)
    world.train()
    before = movie_ids(world.recommend(person, page_size=10))
    for movie_id in (2, 4, 6):
        world.rate(person, movie_id)
    assert {movie_id % 2 for movie_id in movie_ids(world.recommend(person, page_size=10))} == {0}
    for movie_id in (2, 4, 6):
        world.take_rating_back(person, movie_id)
    assert movie_ids(world.recommend(person, page_size=10)) == before


def test_only_what_somebody_liked_is_told_as_liked(world: World):
    world.add_movies(60)
    world.rate_by_taste(60, 60)
    world.train()

    def reasons(person: UUID) -> set[str]:
        reply = world.recommend(person, page_size=10)
        return {one.reason.kind for one in reply.recommendations}

    low, liked, wishing = (world.new_person() for _ in range(3))
    world.rate(low, 1, 0.5)
    world.rate(low, 3, 2.0)
    assert not reasons(low) & {"because_you_rated", "because_you_favorited"}
    world.rate(liked, 1, 4.0)
    assert reasons(liked) == {"because_you_rated"}
    world.put_on_watchlist(wishing, 1)
    reply = world.recommend(wishing, page_size=10)
    assert {one.reason.text for one in reply.recommendations} == {
        "Because Movie 1 is on your watchlist"
    }


def test_adult_movies_stay_out_unless_wanted(world: World, person: UUID):
    world.add_movies(10, adult=True)
    assert movie_ids(world.recommend(person)) == []
    wanted = pb.RecommendationFilter(include_adult=True)
    assert len(movie_ids(world.recommend(person, filter=wanted))) == 10


def test_pages_of_one_list_neither_repeat_nor_skip(world: World, person: UUID):
    world.add_movies(50)
    first = world.recommend(person)
    world.rate(person, 50)
    second = world.recommend(person, page_token=first.next_page_token)
    third = world.recommend(person, page_token=second.next_page_token)
    shown = [*movie_ids(first), *movie_ids(second), *movie_ids(third)]
    assert len(shown) == len(set(shown)) >= 49
    assert third.next_page_token == ""
    assert second.list_id == first.list_id
    assert second.recommendations[0].position > first.recommendations[-1].position


def test_a_token_of_another_list_or_person_is_refused(world: World, person: UUID):
    world.add_movies(50)
    token = world.recommend(person).next_page_token
    for who, wanted in ((world.new_person(), {}), (person, {"type": 2})):
        with pytest.raises(grpc.RpcError) as refused:
            world.recommend(who, page_token=token, **wanted)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "wanted",
    [
        {"diversity": 1.5},
        {"diversity": float("nan")},
        {"page_size": -1},
        {"type": 99},
        {"page_token": "nonsense"},
        {"filter": pb.RecommendationFilter(released_after="yesterday")},
        {"filter": pb.RecommendationFilter(year=0)},
        {"filter": pb.RecommendationFilter(min_rating=float("nan"))},
        {"filter": pb.RecommendationFilter(genre_ids=range(1000))},
    ],
)
def test_a_malformed_wish_is_refused(world: World, person: UUID, wanted: dict):
    with pytest.raises(grpc.RpcError) as refused:
        world.recommend(person, **wanted)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_huge_numbers_in_a_filter_are_not_a_bug(world: World, person: UUID):
    world.add_movies(5)
    wanted = pb.RecommendationFilter(
        genre_ids=[2**62],
        person_ids=[-(2**62)],
        min_votes=2**62,
        max_runtime=-(2**31),
        exclude_movie_ids=[2**63 - 1],
    )
    assert movie_ids(world.recommend(person, filter=wanted)) == []


@pytest.mark.parametrize("kind", range(7))
def test_every_type_answers_everyone(world: World, kind: int):
    world.add_movies(30)
    for wanted in ({}, {"enable_collaborative_filtering": False}):
        person = world.new_person(**wanted)
        world.rate(person, 4)
        assert len(world.recommend(person, type=kind).recommendations) == 20


def test_switching_both_ways_off_leaves_what_is_popular(world: World):
    world.add_movies(30)
    person = world.new_person(
        enable_collaborative_filtering=False, enable_content_based_filtering=False
    )
    reply = world.recommend(person)
    assert reply.recommendations[0].recommendation_type == pb.RECOMMENDATION_TYPE_POPULAR


def test_favorite_genres_lead_for_a_stranger(world: World):
    world.add_movies(40)
    person = world.new_person(favorite_genre_ids=[2])
    reply = world.recommend(person, page_size=10)
    assert all(movie_id % 2 == 0 for movie_id in movie_ids(reply))
    assert reply.recommendations[0].reason.kind == "genre"
    assert reply.recommendations[0].reason.text == "Because you like Even"


def test_a_genre_that_is_renamed_is_named_so_though_no_movie_changes(world: World):
    world.add_movies(40)
    person = world.new_person(favorite_genre_ids=[2])
    genres = [catalog_events.GenreFacts(genre_id=2, name="Straight")]
    world.tell(catalog_events.GenresChanged(genres=genres))
    world.live.refresh()
    (offer,) = world.recommend(person, page_size=1).recommendations
    assert offer.reason.text == "Because you like Straight"


def test_a_removed_movie_leaves_every_list(world: World, person: UUID):
    world.add_movies(10)
    world.tell(_removed(3))
    world.live.refresh()
    assert 3 not in movie_ids(world.recommend(person))


def test_similar_movies_share_what_they_are(world: World):
    world.add_movies(40)
    request = pb.ListSimilarMoviesRequest(movie_id=4, page_size=5)
    reply = world.stub.ListSimilarMovies(
        request, metadata=world.tokens.service("gateway"), timeout=10
    )
    assert len(reply.movies) == 5
    assert reply.movies[0].movie_id % 2 == 0
    assert 4 not in [movie.movie_id for movie in reply.movies]
    with pytest.raises(grpc.RpcError) as refused:
        world.stub.ListSimilarMovies(
            pb.ListSimilarMoviesRequest(movie_id=999),
            metadata=world.tokens.service("gateway"),
            timeout=10,
        )
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def _removed(movie_id: int):
    return catalog_events.MoviesRemoved(movie_ids=[movie_id])
