"""Events in, by a real consumer from a real stream; our own facts come back to be counted."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from chassis.events import Consumer, Fact, append
from chassis.outbox import Relay
from chassis.testing import eventually
from interactions.subscriptions import SUBSCRIPTIONS
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.interactions.v1 import events_pb2 as events

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def following(database, redis_streams_url):
    """The background process's loops, in threads of the test."""
    client = redis.Redis.from_url(redis_streams_url)
    stop = threading.Event()
    consumer = Consumer(
        name="interactions",
        database=database,
        redis=client,
        subscriptions=SUBSCRIPTIONS,
        instance="test",
    )
    loops = [Relay(database, client).run, consumer.run]
    threads = [threading.Thread(target=loop, args=(stop,)) for loop in loops]
    for thread in threads:
        thread.start()
    yield client
    stop.set()
    for thread in threads:
        thread.join()
    client.close()


def changed(*movies, at=NOW):
    message = catalog_events.MoviesChanged(
        movies=[
            catalog_events.MovieFacts(
                movie_id=movie_id,
                title=title,
                version=version,
                genre_ids=[1, 2],
                release_date=date,
            )
            for movie_id, title, version, date in movies
        ],
        changed_at=at,
    )
    return fact(message)


def removed(*movie_ids, at=NOW):
    return fact(catalog_events.MoviesRemoved(movie_ids=movie_ids, removed_at=at))


def fact(message):
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id="x",
        aggregate_version=0,
        payload=message.SerializeToString(),
    )


def movie(database, movie_id) -> Any:
    with database.begin() as connection:
        return connection.execute(
            sa.text(
                "select title, removed, version, genre_ids, release_date::text"
                " from known_movie where movie_id = :movie_id"
            ),
            {"movie_id": movie_id},
        ).one_or_none()


def handled(database, *facts):
    """All of these are in the inbox."""
    with database.begin() as connection:
        seen = set(connection.execute(sa.text("select event_id from inbox")).scalars())
    return seen.issuperset({one.event_id for one in facts})


def test_movies_of_the_catalogue_become_known(following, database, person):
    append(
        following, "catalog.events", [changed((5001, "New", 1, "2026-01-02"), (5002, "B", 1, ""))]
    )
    eventually(lambda: movie(database, 5002))
    assert movie(database, 5001) == ("New", False, 1, [1, 2], "2026-01-02")
    assert movie(database, 5002).release_date is None
    assert person().AddFavorite(movie_id=5001).created


def test_an_old_version_and_a_replay_change_nothing(following, database):
    facts = [
        changed((7, "Third", 3, "")),
        changed((7, "Second", 2, "")),
        removed(8, at=NOW),
        changed((8, "Before its removal", 5, ""), at=NOW - timedelta(days=1)),
    ]
    append(following, "catalog.events", facts)
    eventually(lambda: handled(database, *facts))
    before = movie(database, 7), movie(database, 8)
    assert before[0].title == "Third"
    assert before[1].removed
    last = changed((6, "Last", 9, ""))
    append(following, "catalog.events", [*facts, *facts, last])
    eventually(lambda: handled(database, last))
    assert (movie(database, 7), movie(database, 8)) == before


def test_a_removal_that_overtook_the_movie_counts(following, database, person):
    """As when one reader is killed with the movie in hand, and another goes on."""
    facts = [removed(5003, at=NOW), changed((5003, "Gone", 1, ""), at=NOW - timedelta(minutes=1))]
    append(following, "catalog.events", facts)
    eventually(lambda: handled(database, *facts))
    assert movie(database, 5003).removed
    back = changed((5003, "Back", 2, ""), at=NOW + timedelta(minutes=1))
    append(following, "catalog.events", [back])
    eventually(lambda: handled(database, back))
    assert movie(database, 5003)[:2] == ("Back", False)


def test_counts_follow_what_people_do(following, person, service):
    first, second = person(), person()
    first.RateMovie(movie_id=1, rating=4.0, review="Good.")
    second.RateMovie(movie_id=1, rating=1.0)
    second.RateMovie(movie_id=1, rating=2.0)
    first.AddFavorite(movie_id=1)
    first.AddToWatchlist(movie_id=1, note="a")
    first.AddToWatchlist(movie_id=1, note="b")
    second.AddFavorite(movie_id=1)
    second.RemoveFavorite(movie_id=1)
    service.BatchRateMovies(
        ratings=[{"user_id": str(person().user_id), "movie_id": 1, "rating": 3.0, "rated_at": NOW}]
    )

    def counted() -> Any:
        stats = person().BatchGetMovieStats(movie_ids=[1, 2]).stats
        return stats if stats[0].ratings_count == 3 and stats[0].favorites_count == 1 else None

    stats = eventually(counted)
    assert stats[0].average_rating == 3.0
    assert (stats[0].reviews_count, stats[0].watchlist_count) == (1, 1)
    assert (stats[1].movie_id, stats[1].ratings_count, stats[1].average_rating) == (2, 0, 0)
    first.DeleteRating(movie_id=1)

    def recounted() -> Any:
        stats = person().BatchGetMovieStats(movie_ids=[1]).stats
        return stats if stats[0].ratings_count == 2 else None

    stats = eventually(recounted)
    assert (stats[0].average_rating, stats[0].reviews_count) == (2.5, 0)


def test_counts_are_the_same_after_every_event_came_twice_and_in_reverse(
    following, person, database
):
    somebody = person()
    for movie_id in range(1, 21):
        somebody.RateMovie(movie_id=movie_id, rating=2.5)
        somebody.RateMovie(movie_id=movie_id, rating=4.5, review="Better.")
        somebody.AddFavorite(movie_id=movie_id)

    def total():
        with database.begin() as connection:
            return connection.execute(
                sa.text(
                    "select sum(ratings_count), sum(ratings_sum), sum(favorites_count),"
                    " sum(reviews_count) from movie_stats"
                )
            ).one()

    expected = (20, 90.0, 20, 20)
    eventually(lambda: total() == expected)
    key = "{marquee}:interactions.events"
    for _entry_id, fields in reversed(following.xrange(key)):
        following.xadd(key, fields)
    somebody.RateMovie(movie_id=30, rating=5.0)
    eventually(lambda: total() == (21, 95.0, 20, 20))


def test_an_event_that_is_no_message_does_not_stop_the_stream(following, person, database):
    broken = Fact(
        type=events.MovieRated.DESCRIPTOR.full_name,
        aggregate_id="x",
        aggregate_version=1,
        payload=b"\xff\xff",
    )
    append(following, "interactions.events", [broken])
    person().RateMovie(movie_id=1, rating=5.0)
    eventually(lambda: person().BatchGetMovieStats(movie_ids=[1]).stats[0].ratings_count == 1)
