"""States, statistics, reviews, and what a replica asks for."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from interactions_world import refused

from chassis.errors import Unavailable
from interactions.domain.entries import Movie
from interactions.store import movies
from marquee.interactions.v1 import interactions_pb2 as pb

FAVORITE, RATING, WATCHLIST, HIDDEN = 1, 2, 3, 4


def test_states_come_in_the_order_asked_for_one_each(person):
    somebody = person()
    somebody.AddFavorite(movie_id=2)
    somebody.RateMovie(movie_id=2, rating=0.5)
    somebody.AddToWatchlist(movie_id=1)
    somebody.HideMovie(movie_id=3)
    states = somebody.BatchGetMovieStates(movie_ids=[3, 2, 999, 2, 1]).states
    assert [one.movie_id for one in states] == [3, 2, 999, 2, 1]
    assert states[0].hidden
    assert states[1] == states[3]
    assert states[1].favorite
    assert states[1].rating == 0.5
    assert not states[2].HasField("rating")
    assert states[4].watchlist
    assert not somebody.BatchGetMovieStates().states


def test_own_numbers_add_up(person):
    somebody = person()
    somebody.RateMovie(movie_id=1, rating=4.0, review="Fine.")
    somebody.RateMovie(movie_id=2, rating=1.0)
    somebody.RateMovie(movie_id=4, rating=4.0)
    somebody.DeleteRating(movie_id=2)
    somebody.AddFavorite(movie_id=1)
    somebody.AddToWatchlist(movie_id=3)
    somebody.HideMovie(movie_id=5)
    stats = somebody.GetInteractionStats()
    assert (stats.favorites_count, stats.ratings_count, stats.reviews_count) == (1, 2, 1)
    assert (stats.watchlist_count, stats.hidden_count, stats.average_rating) == (1, 1, 4.0)
    assert [one.rating for one in stats.rating_histogram] == [half / 2 for half in range(1, 11)]
    assert {one.rating: one.count for one in stats.rating_histogram if one.count} == {4.0: 2}
    genres = [(one.genre_id, one.movies_count, one.average_rating) for one in stats.genres]
    assert genres == [(2, 2, 4.0), (1, 1, 0.0)]


def test_own_numbers_since_a_moment_leave_out_what_was_before(person):
    somebody = person()
    somebody.AddFavorite(movie_id=1)
    after = datetime.now(UTC) + timedelta(seconds=1)
    assert somebody.GetInteractionStats(since=after).favorites_count == 0
    assert person().GetInteractionStats().average_rating == 0


def test_a_moment_no_calendar_knows_is_refused(person):
    somebody = person()
    code = refused(lambda: somebody.GetInteractionStats(since={"seconds": 2**62}))
    assert code[0] == "INVALID_ARGUMENT"


def test_reviews_are_newest_first_named_and_paged(person, others):
    authors = [person() for _ in range(5)]
    for number, author in enumerate(authors):
        author.RateMovie(movie_id=1, rating=3.0, review=f"Review {number}")
        others.usernames[str(author.user_id)] = f"author{number}"
    person().RateMovie(movie_id=1, rating=5.0)
    first = person().ListReviews(movie_id=1, page_size=3)
    assert [one.review for one in first.reviews] == ["Review 4", "Review 3", "Review 2"]
    assert first.reviews[0].username == "author4"
    rest = person().ListReviews(movie_id=1, page_size=3, page_token=first.next_page_token)
    assert [one.review for one in rest.reviews] == ["Review 1", "Review 0"]
    assert rest.next_page_token == ""


def test_reviews_are_answered_without_names_while_users_is_down(person, others):
    person().RateMovie(movie_id=1, rating=3.0, review="Words.")
    others.down = Unavailable("down")
    found = person().ListReviews(movie_id=1)
    assert found.stats.movie_id == 1
    reviews = found.reviews
    assert [(one.review, one.username) for one in reviews] == [("Words.", "")]


def test_reviews_of_an_unknown_movie_are_not_found(person):
    assert refused(lambda: person().ListReviews(movie_id=4711)) == ("NOT_FOUND", "MOVIE_NOT_FOUND")


def test_a_replica_that_is_behind_gets_what_it_lacks(person, service):
    somebody = person()
    somebody.AddFavorite(movie_id=1)
    somebody.RateMovie(movie_id=1, rating=4.5)
    somebody.HideMovie(movie_id=2, reason="never")
    somebody.AddToWatchlist(movie_id=3)
    somebody.RemoveFavorite(movie_id=1)
    whole = service.ListInteractionChanges(user_id=str(somebody.user_id))
    assert (whole.sequence, whole.more) == (5, False)
    told = [(one.kind, one.movie_id, one.sequence, one.deleted) for one in whole.changes]
    assert told == [
        (RATING, 1, 2, False),
        (HIDDEN, 2, 3, False),
        (WATCHLIST, 3, 4, False),
        (FAVORITE, 1, 5, True),
    ]
    assert whole.changes[0].rating == 4.5
    assert whole.changes[1].reason == "never"
    late = service.ListInteractionChanges(user_id=str(somebody.user_id), after_sequence=3)
    assert [one.sequence for one in late.changes] == [4, 5]


def test_changes_come_in_pages_that_go_on_after_the_last(person, service):
    somebody = person()
    for movie_id in range(1, 11):
        somebody.AddFavorite(movie_id=movie_id)
        somebody.RateMovie(movie_id=movie_id, rating=2.5)
    seen, after, more = [], 0, True
    while more:
        page = service.ListInteractionChanges(
            user_id=str(somebody.user_id), after_sequence=after, page_size=7
        )
        assert page.sequence == 20
        seen += [one.sequence for one in page.changes]
        after, more = seen[-1], page.more
    assert seen == list(range(1, 21))


def test_a_person_nobody_has_heard_of_has_no_changes(service):
    reply = service.ListInteractionChanges(user_id=str(uuid.uuid4()))
    assert (reply.sequence, reply.more, len(reply.changes)) == (0, False, 0)


@pytest.mark.parametrize("values", [{"user_id": "nobody"}, {"page_size": -1}])
def test_a_replica_that_asks_nonsense_is_refused(service, values):
    request = {"user_id": str(uuid.uuid4()), **values}
    code = refused(lambda: service.ListInteractionChanges(**request))
    assert code[0] == "INVALID_ARGUMENT"


def test_replicas_are_for_services_alone(stub, tokens):
    user_id = uuid.uuid4()
    own_token_alone = tokens.user(user_id)[:1]
    request = pb.ListInteractionChangesRequest(user_id=str(user_id))
    code = refused(
        lambda: stub.ListInteractionChanges(request, metadata=own_token_alone, timeout=5)
    )
    assert code[0] in {"PERMISSION_DENIED", "UNAUTHENTICATED"}


def test_a_removed_movie_takes_no_marks_but_keeps_those_it_has(person, database):
    somebody = person()
    somebody.AddFavorite(movie_id=9)
    somebody.RateMovie(movie_id=9, rating=4.0)
    with database.begin() as connection:
        movies.remove_movies(connection, [9], removed_at=datetime.now(UTC))
    assert refused(lambda: somebody.AddToWatchlist(movie_id=9)) == ("NOT_FOUND", "MOVIE_NOT_FOUND")
    assert refused(lambda: somebody.ListReviews(movie_id=9)) == ("NOT_FOUND", "MOVIE_NOT_FOUND")
    assert dict(somebody.ListFavorites().titles) == {9: "Movie 9"}
    assert somebody.GetRating(movie_id=9).rating.rating == 4.0
    assert somebody.DeleteRating(movie_id=9).removed


def test_a_movie_that_comes_back_takes_marks_again(person, database):
    removed_at = datetime.now(UTC)
    with database.begin() as connection:
        movies.remove_movies(connection, [9], removed_at=removed_at)
        movies.replace_movies(
            connection,
            [Movie(9, "Again", version=1)],
            changed_at=removed_at + timedelta(seconds=1),
        )
    assert person().AddFavorite(movie_id=9).created
