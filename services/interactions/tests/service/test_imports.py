"""Ratings in bulk."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from interactions_world import refused

from marquee.interactions.v1 import events_pb2 as events

THEN = datetime(2015, 3, 1, 12, tzinfo=UTC)


def one(user_id, movie_id=1, rating=4.0, at=THEN):
    return {"user_id": str(user_id), "movie_id": movie_id, "rating": rating, "rated_at": at}


def counts(reply):
    return reply.created_count, reply.updated_count, reply.unchanged_count


def scalars(database, statement: str):
    with database.begin() as connection:
        return list(connection.execute(sa.text(statement)).scalars())


def test_a_batch_of_many_people_is_stored_once_with_one_event(service, database):
    people = [uuid.uuid4() for _ in range(10)]
    batch = [
        one(user_id, movie_id, at=THEN + timedelta(days=movie_id))
        for user_id in people
        for movie_id in range(1, 51)
    ]
    assert counts(service.BatchRateMovies(ratings=batch)) == (500, 0, 0)
    assert counts(service.BatchRateMovies(ratings=batch)) == (0, 0, 500)
    (payload,) = scalars(database, "select payload from outbox")
    told = events.RatingsImported.FromString(payload).ratings
    assert len(told) == 500
    assert all(rating.imported for rating in told)
    for user_id in people:
        numbers = [rating.sequence for rating in told if rating.user_id == str(user_id)]
        assert sorted(numbers) == list(range(1, 51))
    assert scalars(database, "select distinct sequence from user_sequence") == [50]


def test_imported_and_given_ratings_share_one_sequence(person, service):
    somebody = person()
    somebody.AddFavorite(movie_id=1)
    service.BatchRateMovies(ratings=[one(somebody.user_id, 2), one(somebody.user_id, 3)])
    assert somebody.AddFavorite(movie_id=2).sequence == 4
    listed = somebody.ListRatings().ratings
    assert {rating.rated_at.ToDatetime(tzinfo=UTC) for rating in listed} == {THEN}


def test_an_older_rating_than_what_is_there_changes_nothing(person, service):
    somebody = person()
    somebody.RateMovie(movie_id=1, rating=2.0)
    assert counts(service.BatchRateMovies(ratings=[one(somebody.user_id)])) == (0, 0, 1)
    assert somebody.GetRating(movie_id=1).rating.rating == 2.0


def test_a_younger_rating_replaces_an_imported_one(person, service):
    somebody = person()
    service.BatchRateMovies(ratings=[one(somebody.user_id, rating=1.0)])
    later = one(somebody.user_id, rating=5.0, at=THEN + timedelta(days=1))
    assert counts(service.BatchRateMovies(ratings=[later])) == (0, 1, 0)
    got = somebody.GetRating(movie_id=1).rating
    assert (got.rating, got.rated_at.ToDatetime(tzinfo=UTC)) == (5.0, THEN)


def test_a_rating_taken_back_does_not_return_by_the_same_import(person, service):
    somebody = person()
    service.BatchRateMovies(ratings=[one(somebody.user_id)])
    somebody.DeleteRating(movie_id=1)
    assert counts(service.BatchRateMovies(ratings=[one(somebody.user_id)])) == (0, 0, 1)
    assert refused(lambda: somebody.GetRating(movie_id=1))[0] == "NOT_FOUND"


def test_of_two_in_a_batch_the_younger_is_kept(service, person):
    somebody = person()
    batch = [
        one(somebody.user_id, rating=1.0, at=THEN + timedelta(days=1)),
        one(somebody.user_id, rating=5.0, at=THEN),
    ]
    reply = service.BatchRateMovies(ratings=batch)
    assert counts(reply) == (1, 0, 1)
    assert somebody.GetRating(movie_id=1).rating.rating == 1.0


def test_unknown_movies_are_named_and_the_rest_is_kept(service):
    user_id = uuid.uuid4()
    reply = service.BatchRateMovies(ratings=[one(user_id, 5), one(user_id, 900), one(user_id, 800)])
    assert counts(reply) == (1, 0, 0)
    assert list(reply.unknown_movie_ids) == [800, 900]


def test_other_grains_are_rounded_to_the_nearest_half(service, person):
    somebody = person()
    given = {1: 0.74, 2: 0.75, 3: 4.9, 4: 3.25}
    service.BatchRateMovies(
        ratings=[one(somebody.user_id, movie, rating) for movie, rating in given.items()]
    )
    kept = {rating.movie_id: rating.rating for rating in somebody.ListRatings().ratings}
    assert kept == {1: 0.5, 2: 1.0, 3: 5.0, 4: 3.5}


def test_a_rating_from_the_future_was_given_now(service, person):
    somebody = person()
    future = one(somebody.user_id, at=datetime(2999, 1, 1, tzinfo=UTC))
    assert counts(service.BatchRateMovies(ratings=[future])) == (1, 0, 0)
    rated_at = somebody.GetRating(movie_id=1).rating.rated_at.ToDatetime(tzinfo=UTC)
    assert rated_at <= datetime.now(UTC)
    assert counts(service.BatchRateMovies(ratings=[future])) == (0, 0, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rating": 0.2},
        {"rating": float("nan")},
        {"rating": 6.0},
        {"movie_id": 0},
        {"user_id": "x"},
        {"rated_at": None},
        {"rated_at": {"seconds": 2**60}},
    ],
)
def test_one_wrong_rating_refuses_the_batch_and_is_named(service, database, wrong):
    batch = [one(uuid.uuid4()), {**one(uuid.uuid4()), **wrong}]
    assert refused(lambda: service.BatchRateMovies(ratings=batch))[0] == "INVALID_ARGUMENT"
    assert scalars(database, "select count(*) from rating") == [0]


def test_more_than_five_hundred_are_refused(service):
    batch = [one(uuid.uuid4())] * 501
    assert refused(lambda: service.BatchRateMovies(ratings=batch))[0] == "INVALID_ARGUMENT"


def test_batches_and_hot_writes_of_the_same_people_at_once_leave_no_gap(service, person, database):
    people = [person() for _ in range(4)]

    def load(number: int) -> None:
        batch = [
            one(
                somebody.user_id,
                movie_id,
                rating=(number % 10 + 1) / 2,
                at=THEN + timedelta(days=number),
            )
            for somebody in (people if number % 2 else reversed(people))
            for movie_id in range(1, 11)
        ]
        service.BatchRateMovies(ratings=batch)
        people[number % 4].AddFavorite(movie_id=number + 1)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(load, range(24)))
    with database.begin() as connection:
        told = connection.execute(sa.text("select type, payload, aggregate_id from outbox")).all()
    numbers = {str(somebody.user_id): [] for somebody in people}
    for row in told:
        if row.type.endswith("RatingsImported"):
            for rating in events.RatingsImported.FromString(row.payload).ratings:
                numbers[rating.user_id].append(rating.sequence)
        else:
            added = events.FavoriteAdded.FromString(row.payload)
            numbers[added.user_id].append(added.sequence)
    for somebody in people:
        seen = sorted(numbers[str(somebody.user_id)])
        assert seen == list(range(1, somebody.ListRatings().sequence + 1))
