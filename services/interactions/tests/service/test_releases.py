"""People are told once that a movie of their watchlist has come out."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from chassis.database import Database
from chassis.erasure import Tombstones
from chassis.jobs import Worker
from interactions.domain.entries import Movie
from interactions.jobs import CHORES, job_functions
from interactions.operations.matching import Matching
from interactions.store import movies
from marquee.interactions.v1 import events_pb2 as events


class Days:
    """The clock of a worker: noon of some day from today on."""

    def __init__(self) -> None:
        self.passed = 0

    def __call__(self) -> datetime:
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        return noon + timedelta(days=self.passed)

    def date(self, days: int) -> date:
        return self().date() + timedelta(days=days - self.passed)


@pytest.fixture
def days() -> Days:
    return Days()


@pytest.fixture
def worker(database: Database, others, days) -> Worker:
    return Worker(
        name="interactions",
        database=database,
        redis_url="redis://127.0.0.1:1/0",
        handlers=job_functions(database, Matching(others), others, Tombstones("k"), days),
        chores=CHORES,
        instance="tests",
    )


def told(database: Database) -> list[tuple[str, int, str]]:
    statement = "select payload from outbox where type like '%WatchlistMovieReleased'"
    with database.begin() as connection:
        payloads = list(connection.execute(sa.text(statement)).scalars())
    facts = [events.WatchlistMovieReleased.FromString(payload) for payload in payloads]
    return sorted((one.user_id, one.movie_id, one.title) for one in facts)


def run(worker: Worker, database: Database) -> None:
    """What an hour does, as often as a test likes."""
    with database.begin() as connection:
        connection.execute(sa.text("delete from job"))
    worker.tick()
    worker.run_waiting()


def comes_out(database: Database, movie_id: int, on: date, version: int = 5) -> None:
    with database.begin() as connection:
        movie = Movie(movie_id, f"Movie {movie_id}", (), on, version)
        movies.replace_movies(connection, [movie], changed_at=datetime.now(UTC))


def test_everybody_who_waited_is_told_on_the_day_and_once(person, worker, database, days):
    anna, ben, carl = person(), person(), person()
    comes_out(database, 1, days.date(3))
    for somebody in (anna, ben):
        somebody.AddToWatchlist(movie_id=1)
    carl.AddToWatchlist(movie_id=1)
    carl.RemoveFromWatchlist(movie_id=1)
    run(worker, database)
    assert told(database) == []
    days.passed = 3
    run(worker, database)
    expected = sorted((str(one.user_id), 1, "Movie 1") for one in (anna, ben))
    assert told(database) == expected
    run(worker, database)
    comes_out(database, 1, days.date(4), version=6)  # its date moves on
    days.passed = 4
    run(worker, database)
    assert told(database) == expected


def test_what_was_out_when_it_was_noted_down_is_no_news(person, worker, database, days):
    somebody = person()
    comes_out(database, 1, days.date(-1))
    comes_out(database, 2, days.date(2))
    somebody.AddToWatchlist(movie_id=1)
    somebody.AddToWatchlist(movie_id=2)
    run(worker, database)
    days.passed = 10  # nobody looked for a week
    run(worker, database)
    assert told(database) == []
