"""After many writes: what is read by index alone is marked, whoever else tends to the tables."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from catalog.store import upkeep
from chassis.testing import eventually

# What is not on the disk for certain is not marked, and tests' servers let it wait.
AT_ONCE = "set synchronous_commit = on"
FILL = """
    insert into movie (tmdb_id, source, title, content_hash)
        select i, 'standin', 'Movie ' || i, '' from generate_series(1, 500) i;
    insert into movie_keyword (movie_id, keyword_id) select i, 1 from generate_series(1, 500) i
"""
MARKED = (
    "select relname from pg_class where relallvisible > 0 and relname in ('movie', 'movie_keyword')"
)
# Autovacuum looks at a new database as well, and what its ANALYZE sees ends where the oldest
# transaction of any database of the server began.
SEEN_BY_WHO_COMES = "select pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8"
SEEN_BY_WHO_IS_THERE = """
    select count(*) = 0 from pg_stat_activity
        where greatest(age(backend_xmin), age(backend_xid)) >= age(%s::xid8::xid)
            and pid <> pg_backend_pid()
"""


@pytest.fixture
def database(database_for):
    """Movies that all see, and of which nobody has marked any so."""
    database = database_for("catalog")
    with database.begin() as connection:
        connection.exec_driver_sql(AT_ONCE)
        connection.exec_driver_sql(FILL)
        filled = connection.exec_driver_sql("select pg_current_xact_id()::text").scalar_one()
    with database.read() as connection:
        for seen in (SEEN_BY_WHO_COMES, SEEN_BY_WHO_IS_THERE):
            probe = partial(connection.exec_driver_sql, seen, (filled,))
            eventually(lambda probe=probe: probe().scalar_one(), within=60)
    return database


def settled(database):
    with database.read() as connection:
        connection.exec_driver_sql(AT_ONCE)
        upkeep.settle(connection, 120)


def marked(database):
    with database.read() as connection:
        return set(connection.exec_driver_sql(MARKED).scalars())


def hold(connection):
    """As VACUUM holds it while it is at it."""
    connection.exec_driver_sql("lock table movie in share update exclusive mode")


def test_who_gives_way_is_waited_for(database):
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as other:
            hold(other)
            ours = pool.submit(settled, database)
            while not other.exec_driver_sql(
                "select count(*) from pg_locks where relation = 'movie'::regclass and not granted"
            ).scalar_one():
                assert not ours.done()
        ours.result()
    assert marked(database) == {"movie", "movie_keyword"}


def test_what_another_run_tends_to_is_left_to_it(database):
    with database.begin() as other:
        hold(other)
        settled(database)
        assert marked(database) == {"movie_keyword"}
