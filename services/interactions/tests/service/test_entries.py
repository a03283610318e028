"""Favorites, ratings, watchlist and hidden movies, spoken to through the door."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import sqlalchemy as sa
from interactions_world import refused
from sqlalchemy.exc import IntegrityError

from chassis.errors import Unavailable
from marquee.catalog.v1 import catalog_pb2
from marquee.interactions.v1 import events_pb2 as events


def rows(database, statement: str, **parameters):
    with database.begin() as connection:
        return connection.execute(sa.text(statement), parameters).all()


def test_a_favorite_is_created_once_and_listed(person):
    somebody = person()
    first = somebody.AddFavorite(movie_id=1)
    again = somebody.AddFavorite(movie_id=1)
    assert (first.created, first.sequence) == (True, 1)
    assert (again.created, again.sequence) == (False, 1)
    assert again.favorite == first.favorite
    listed = somebody.ListFavorites()
    assert [one.movie_id for one in listed.favorites] == [1]
    assert dict(listed.titles) == {1: "Movie 1"}
    assert listed.sequence == 1


def test_taking_back_twice_removes_once(person):
    somebody = person()
    somebody.AddFavorite(movie_id=1)
    first, again = somebody.RemoveFavorite(movie_id=1), somebody.RemoveFavorite(movie_id=1)
    assert (first.removed, first.sequence) == (True, 2)
    assert (again.removed, again.sequence) == (False, 2)
    assert not somebody.ListFavorites().favorites


def test_taking_back_nothing_answers_sequence_zero(person):
    reply = person().UnhideMovie(movie_id=7)
    assert (reply.removed, reply.sequence) == (False, 0)


def test_rating_a_movie_twice_keeps_the_second_and_the_first_time(person):
    somebody = person()
    first = somebody.RateMovie(movie_id=3, rating=4.5, review="Good.")
    second = somebody.RateMovie(movie_id=3, rating=2.0)
    assert first.created
    assert not second.created
    got = somebody.GetRating(movie_id=3).rating
    assert (got.rating, got.review) == (2.0, "")
    assert got.rated_at == first.rating.rated_at
    assert got.updated_at.ToDatetime() > first.rating.updated_at.ToDatetime()
    assert got.etag != first.rating.etag


def test_a_rating_decided_upon_an_old_version_is_refused(person):
    somebody = person()
    etag = somebody.RateMovie(movie_id=3, rating=4.5).rating.etag
    assert somebody.RateMovie(movie_id=3, rating=4.0, etag=etag).rating.rating == 4.0
    late = refused(lambda: somebody.RateMovie(movie_id=3, rating=1.0, etag=etag))
    assert late == ("ABORTED", "ENTRY_CHANGED")
    never = refused(lambda: somebody.RateMovie(movie_id=4, rating=1.0, etag=etag))
    assert never == ("ABORTED", "ENTRY_CHANGED")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("AddFavorite", {}),
        ("RateMovie", {"rating": 4.0}),
        ("AddToWatchlist", {}),
        ("HideMovie", {}),
        ("AddListMovie", {}),
    ],
)
def test_a_write_may_demand_that_an_entry_is_there_or_is_not(person, name, more):
    somebody = person()
    if name == "AddListMovie":
        more = {"list_id": somebody.CreateList(name="Mine").list.list_id}
    write = getattr(somebody, name)
    missing = refused(lambda: write(movie_id=3, etag="*", **more))
    assert missing == ("ABORTED", "ENTRY_CHANGED")
    assert write(movie_id=3, unless_etag="*", **more).created
    there = refused(lambda: write(movie_id=3, unless_etag="*", **more))
    assert there == ("ABORTED", "ENTRY_EXISTS")
    assert not write(movie_id=3, etag="*", **more).created
    stale = refused(lambda: write(movie_id=3, etag="no-such", **more))
    assert stale == ("ABORTED", "ENTRY_CHANGED")


@pytest.mark.parametrize(
    ("put", "take_back", "more"),
    [
        ("AddFavorite", "RemoveFavorite", {}),
        ("RateMovie", "DeleteRating", {"rating": 4.0}),
        ("AddToWatchlist", "RemoveFromWatchlist", {}),
        ("HideMovie", "UnhideMovie", {}),
        ("AddListMovie", "RemoveListMovie", {}),
    ],
)
def test_taking_back_may_demand_the_version_it_was_decided_upon(person, put, take_back, more):
    somebody = person()
    there = {"movie_id": 3}
    if put == "AddListMovie":
        there["list_id"] = somebody.CreateList(name="Mine").list.list_id
    remove = getattr(somebody, take_back)
    assert refused(lambda: remove(**there, etag="*")) == ("ABORTED", "ENTRY_CHANGED")
    kept = getattr(somebody, put)(**there, **more)
    (entry,) = [value for field, value in kept.ListFields() if field.message_type]
    stale = refused(lambda: remove(**there, etag="no-such"))
    assert stale == ("ABORTED", "ENTRY_CHANGED")
    unwanted = refused(lambda: remove(**there, unless_etag=entry.etag))
    assert unwanted == ("ABORTED", "ENTRY_EXISTS")
    assert remove(**there, etag=entry.etag).removed
    assert not remove(**there).removed


def test_of_many_who_want_to_make_one_entry_one_does(person):
    somebody = person()

    def attempt(_number: int) -> bool:
        try:
            return somebody.RateMovie(movie_id=3, rating=4.0, unless_etag="*").created
        except grpc.RpcError:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(50))) == 1


def test_a_deleted_rating_is_gone_and_can_be_given_again(person):
    somebody = person()
    somebody.RateMovie(movie_id=3, rating=4.5, review="Words.")
    assert somebody.DeleteRating(movie_id=3).removed
    gone = refused(lambda: somebody.GetRating(movie_id=3))
    assert gone == ("NOT_FOUND", "RATING_NOT_FOUND")
    again = somebody.RateMovie(movie_id=3, rating=1.5)
    assert (again.created, again.sequence) == (True, 3)


def test_what_a_person_wrote_does_not_outlive_its_deletion(person, database):
    somebody = person()
    somebody.RateMovie(movie_id=3, rating=4.5, review="Secret words.", has_spoilers=True)
    somebody.AddToWatchlist(movie_id=3, note="Secret note.")
    somebody.DeleteRating(movie_id=3)
    somebody.RemoveFromWatchlist(movie_id=3)
    assert rows(database, "select review, has_spoilers from rating") == [("", False)]
    assert rows(database, "select note from watchlist_entry") == [("",)]


def test_a_new_note_or_reason_is_kept_in_its_place(person):
    somebody = person()
    first = somebody.AddToWatchlist(movie_id=2, note="with Anna")
    second = somebody.AddToWatchlist(movie_id=2, note="alone")
    assert (second.created, second.sequence) == (False, 2)
    assert second.entry.added_at == first.entry.added_at
    assert somebody.ListWatchlist().entries[0].note == "alone"
    somebody.HideMovie(movie_id=2)
    assert somebody.HideMovie(movie_id=2, reason="seen").hidden_movie.reason == "seen"
    assert somebody.ListHiddenMovies().hidden_movies[0].reason == "seen"


@pytest.mark.parametrize("rating", [0, -1, 0.4, 0.75, 5.5, 1e300, float("nan"), float("inf")])
def test_a_rating_off_the_scale_is_refused(person, rating):
    assert refused(lambda: person().RateMovie(movie_id=1, rating=rating))[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("RateMovie", {"movie_id": 0, "rating": 3.0}),
        ("RateMovie", {"movie_id": 1, "rating": 3.0, "review": "x" * 10_001}),
        ("RateMovie", {"movie_id": 1, "rating": 3.0, "review": "nul\0"}),
        ("RateMovie", {"movie_id": 1, "rating": 3.0, "review": "turned\u202e"}),
        ("AddFavorite", {"movie_id": -5}),
        ("RemoveFavorite", {"movie_id": 0}),
        ("AddToWatchlist", {"movie_id": 1, "note": "x" * 501}),
        ("HideMovie", {"movie_id": 1, "reason": "boring"}),
        ("ListFavorites", {"page_size": -1}),
        ("ListFavorites", {"page_token": "rubbish"}),
        ("BatchGetMovieStates", {"movie_ids": range(101)}),
        ("BatchGetMovieStats", {"movie_ids": range(501)}),
    ],
)
def test_what_cannot_be_meant_is_refused(person, method, values):
    assert refused(lambda: getattr(person(), method)(**values))[0] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("movie_id", [999, 2**63 - 1])
@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("AddFavorite", {}),
        ("RateMovie", {"rating": 3.0}),
        ("AddToWatchlist", {}),
        ("HideMovie", {}),
    ],
)
def test_an_unknown_movie_is_not_found(person, method, more, movie_id):
    code, reason = refused(lambda: getattr(person(), method)(movie_id=movie_id, **more))
    assert (code, reason) == ("NOT_FOUND", "MOVIE_NOT_FOUND")


def test_a_movie_whose_event_has_not_come_is_learned_from_the_catalogue(person, others):
    others.movies[777] = catalog_pb2.Movie(movie_id=777, title="Brand new")
    somebody = person()
    assert somebody.AddFavorite(movie_id=777).created
    assert dict(somebody.ListFavorites().titles) == {777: "Brand new"}
    somebody.RateMovie(movie_id=777, rating=5.0)
    assert others.asked == 1


def test_an_unknown_movie_while_the_catalogue_is_down_is_a_matter_of_time(person, others):
    others.down = Unavailable("down")
    code = refused(lambda: person().AddFavorite(movie_id=777))
    assert code == ("UNAVAILABLE", "CATALOG_UNAVAILABLE")
    assert person().AddFavorite(movie_id=1).created


def test_lists_are_newest_first_and_pages_neither_repeat_nor_skip(person):
    somebody = person()
    for movie_id in range(1, 31):
        somebody.RateMovie(movie_id=movie_id, rating=3.0)
    first = somebody.ListRatings(page_size=12)
    assert [one.movie_id for one in first.ratings] == list(range(30, 18, -1))
    assert len(first.titles) == 12
    somebody.RateMovie(movie_id=40, rating=3.0)
    somebody.RateMovie(movie_id=5, rating=1.0)
    somebody.DeleteRating(movie_id=25)
    second = somebody.ListRatings(page_size=12, page_token=first.next_page_token)
    third = somebody.ListRatings(page_size=12, page_token=second.next_page_token)
    seen = [one.movie_id for one in [*second.ratings, *third.ratings]]
    assert seen == list(range(18, 0, -1))
    assert third.next_page_token == ""


def test_a_token_is_good_for_one_person_and_one_list(person):
    somebody, other = person(), person()
    for movie_id in (1, 2, 3):
        somebody.AddFavorite(movie_id=movie_id)
    token = somebody.ListFavorites(page_size=1).next_page_token
    assert token
    for attempt in (
        lambda: other.ListFavorites(page_token=token),
        lambda: somebody.ListRatings(page_token=token),
        lambda: somebody.ListFavorites(page_token=token[:-2] + "AA"),
    ):
        assert refused(attempt)[0] == "INVALID_ARGUMENT"


def test_people_see_only_their_own(person):
    somebody, other = person(), person()
    somebody.AddFavorite(movie_id=1)
    somebody.RateMovie(movie_id=1, rating=4.0)
    assert not other.ListFavorites().favorites
    assert not other.BatchGetMovieStates(movie_ids=[1]).states[0].favorite
    assert not other.RemoveFavorite(movie_id=1).removed
    assert somebody.BatchGetMovieStates(movie_ids=[1]).states[0].favorite


def test_without_a_person_nothing_personal_is_answered(service):
    assert refused(lambda: service.AddFavorite(movie_id=1))[0] == "PERMISSION_DENIED"


def test_fifty_identical_writes_at_once_leave_one_row_one_number_and_one_event(person, database):
    somebody = person()
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: somebody.AddFavorite(movie_id=1), range(50)))
    assert sum(reply.created for reply in replies) == 1
    assert {reply.sequence for reply in replies} == {1}
    assert rows(database, "select count(*) from favorite") == [(1,)]
    assert rows(database, "select count(*) from outbox") == [(1,)]


def test_fifty_different_writes_at_once_count_without_gap(person, database):
    somebody = person()
    with ThreadPoolExecutor(16) as pool:
        replies = list(
            pool.map(
                lambda one: somebody.RateMovie(movie_id=one, rating=(one % 10 + 1) / 2),
                range(1, 51),
            )
        )
    assert sorted(reply.sequence for reply in replies) == list(range(1, 51))
    versions = rows(database, "select aggregate_version from outbox order by 1")
    assert [row[0] for row in versions] == list(range(1, 51))


def test_fifty_ratings_of_one_movie_at_once_tell_one_story(person, database):
    """Each event says truly what it replaced, so that counts made of differences are right."""
    somebody = person()
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda one: somebody.RateMovie(movie_id=1, rating=(one % 10 + 1) / 2), range(50)
            )
        )
    told = [
        events.MovieRated.FromString(row.payload)
        for row in rows(database, "select payload from outbox order by aggregate_version")
    ]
    assert [one.sequence for one in told] == list(range(1, len(told) + 1))
    assert [one.previous_rating for one in told] == [0.0, *(one.rating for one in told[:-1])]
    last = somebody.GetRating(movie_id=1)
    assert (last.rating.rating, last.sequence) == (told[-1].rating, len(told))


def test_adding_and_taking_back_at_once_ends_as_one_of_both(person, database):
    somebody = person()

    def act(number: int) -> None:
        if number % 2:
            somebody.AddFavorite(movie_id=1)
        else:
            somebody.RemoveFavorite(movie_id=1)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(act, range(50)))
    told = [row[0] for row in rows(database, "select type from outbox order by aggregate_version")]
    kinds = [one.rsplit(".", 1)[1] for one in told]
    assert kinds == ["FavoriteAdded", "FavoriteRemoved"] * (len(kinds) // 2) + ["FavoriteAdded"] * (
        len(kinds) % 2
    )
    assert len(somebody.ListFavorites().favorites) == len(kinds) % 2


def test_the_table_itself_refuses_a_rating_off_the_scale(database):
    statement = (
        "insert into rating (user_id, movie_id, version, rating, rated_at)"
        " values (:user_id, 1, 1, 3.3, now())"
    )
    with pytest.raises(IntegrityError, match="rating_rating_check"):
        rows(database, statement, user_id=uuid.uuid4())


def test_somebody_whose_writes_never_get_through_is_told_to_wait(person, database):
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "create function nobody_gets_through() returns trigger language plpgsql"
                " as 'begin return null; end'"
            )
        )
        connection.execute(
            sa.text(
                "create trigger nobody_gets_through before insert on user_sequence"
                " for each row execute function nobody_gets_through()"
            )
        )
    outcome = refused(lambda: person().AddFavorite(movie_id=1))
    assert outcome == ("UNAVAILABLE", "TOO_MANY_WRITES_AT_ONCE")
