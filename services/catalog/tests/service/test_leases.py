"""Leases of the queue: whose a movie is to fetch, and what a claim leaves alone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from catalog.domain.sync import Edited
from catalog.store import items, runs
from chassis.database import uuid7

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
WAITING = items.Wanted("pending", since=SINCE)
ROWS = "select movie_id, ctid::text, xmin::text from sync_item order by 1"


@pytest.fixture
def database(database_for):
    """A queue of 200 movies."""
    database = database_for("catalog")
    with database.begin() as connection:
        items.add(connection, "standin", [(i, False, 0.5) for i in range(1, 201)])
    return database


def claimed(database, run_id, limit, wanted=WAITING):
    with database.begin() as connection:
        return items.claim(connection, "standin", run_id, wanted, limit)


def ids(claims):
    return [claim.movie_id for claim in claims]


def begun_run(database):
    run_id = uuid7()
    with database.begin() as connection:
        runs.create(
            connection,
            run_id=run_id,
            stage="backfill",
            source="standin",
            request_id=None,
            parameters={},
        )
        runs.start(connection, run_id)
    return run_id


def test_a_claim_writes_nothing_to_the_movies_it_takes(database):
    with database.read() as connection:
        before = connection.exec_driver_sql(ROWS).all()
    assert ids(claimed(database, uuid7(), 50)) == list(range(1, 51))
    with database.read() as connection:
        assert connection.exec_driver_sql(ROWS).all() == before


def test_claims_at_the_same_moment_take_each_movie_once(database):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: ids(claimed(database, uuid7(), 10)), range(24)))
    assert sorted(movie_id for one in taken for movie_id in one) == list(range(1, 201))


def test_claims_beside_those_who_finish_take_each_movie_once(database):
    def emptied(_) -> list[int]:
        taken = []
        while claims := claimed(database, run_id := uuid7(), 10):
            done = [items.Outcome(one, "done", datetime.now(UTC), 0) for one in ids(claims)]
            with database.begin() as connection:
                items.finish(connection, "standin", done, 60)
            with database.begin() as connection:
                items.release(connection, run_id)
            taken += ids(claims)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(emptied, range(8)))
    assert sorted(movie_id for one in taken for movie_id in one) == list(range(1, 201))


def test_what_is_finished_waits_for_nobody_and_what_was_given_back_is_claimed_again(database):
    run_id = uuid7()
    first = claimed(database, run_id, 3)
    at = datetime.now(UTC)
    with database.begin() as connection:
        outcomes = [
            items.Outcome(3, "done", at, 0),
            items.Outcome(1, "quarantined", None, 1),
            items.Outcome(2, "pending", None, 1),
        ]
        items.finish(connection, "standin", outcomes, 60)
        items.give_back(connection, {claim.lease_id for claim in first})
    with database.read() as connection:
        found = connection.exec_driver_sql(
            "select state, as_of, attempts, next_at > now() from sync_item"
            " where movie_id < 4 order by movie_id"
        ).all()
    assert [tuple(row) for row in found] == [
        ("quarantined", None, 1, False),
        ("pending", None, 1, True),
        ("done", at, 0, False),
    ]
    held = claimed(database, run_id, 197)
    assert ids(held) == list(range(4, 201))
    assert claimed(database, run_id, 1) == []
    with database.begin() as connection:
        items.release(connection, run_id)
    assert ids(claimed(database, uuid7(), 1)) == [4]


def test_a_movie_that_the_census_lacks_is_missing_until_tmdb_has_said_what_became_of_it(database):
    with database.begin() as connection:
        connection.exec_driver_sql("update sync_item set missing_count = 2")
    assert all(claim.is_missing for claim in claimed(database, uuid7(), 4))
    at = datetime.now(UTC)
    outcomes = [
        items.Outcome(1, "done", at, 0),
        items.Outcome(2, "gone", None, 0),
        items.Outcome(3, "quarantined", None, 1),
        items.Outcome(4, "pending", None, 1),
    ]
    with database.begin() as connection:
        items.finish(connection, "standin", outcomes, 60)
        found = connection.exec_driver_sql(
            "select missing_count from sync_item where movie_id < 5 order by movie_id"
        )
        assert found.scalars().all() == [0, 0, 2, 2]


def test_another_queue_and_another_source_know_of_each_others_leases_what_matters(database):
    claimed(database, uuid7(), 2)
    with database.begin() as connection:
        items.mark_changed(connection, "standin", [(1, False), (5, False)], Edited(SINCE, SINCE))
        items.add(connection, "tmdb", [(1, False, 0.5)])
        other = items.claim(connection, "tmdb", uuid7(), WAITING, 9)
    assert ids(other) == [1]
    changed = items.Wanted("changed", since=SINCE + timedelta(days=1))
    assert ids(claimed(database, uuid7(), 9, changed)) == [5]


def test_leases_of_a_run_that_is_over_go_to_the_next_and_those_of_one_under_way_stay(database):
    dead, alive = begun_run(database), begun_run(database)
    claimed(database, dead, 2)
    claimed(database, alive, 2)
    claimed(database, uuid7(), 2)  # of a run that nothing is known of any more
    with database.begin() as connection:
        runs.finish(connection, dead, "its process ended")
        items.release_dead(connection)
    assert ids(claimed(database, uuid7(), 5)) == [1, 2, 5, 6, 7]
