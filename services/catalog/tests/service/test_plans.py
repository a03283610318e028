"""Every list is read by an index: plans at a size where reading the whole table would show."""

from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from catalog.domain.titles import title_key
from catalog.store import browsing, items, movies, people, searching, shared, upkeep
from catalog.store.browsing import Order, Place
from catalog.store.filtering import Filter
from catalog.tables.movies import movie
from catalog.tables.search import name_word, title_word
from chassis.database import uuid7

SIZE = 40_000
FILL = (
    "insert into movie (tmdb_id, source, title, title_key, original_language, release_date,"
    " runtime_minutes, popularity, vote_average, vote_count, content_hash) select i, 'standin',"
    " 'Movie ' || i, 'movie ' || i, case when i % 97 = 0 then 'ko' else 'en' end,"
    " date '1950-01-01' + i % 27000, 1 + i * 7 % 240, i * 31 % 100003, i * 13 % 100 / 10.0,"
    " i * 17 % 10007, '' from generate_series(1, {0}) i",
    "insert into movie_title (movie_id, title_key)"
    " select i, 'movie ' || i || ' word' || i % 500 from generate_series(1, {0}) i",
    "insert into genre (tmdb_id, name) select i, 'g' || i from generate_series(1, 20) i",
    "insert into movie_genre (movie_id, genre_id)"
    " select i, 1 + i % 20 from generate_series(1, {0}) i",
    # Wide rows: to read all people is never the cheaper way to some hundred of them.
    "insert into person (person_id, name, name_key)"
    " select i, 'Name ' || i || repeat('-', 400), 'name' || i % 500 || ' family' || i"
    " from generate_series(1, {0}) i",
    "insert into credit (movie_id, position, person_id)"
    " select i, 0, 1 + i * 7 % {0} from generate_series(1, {0}) i",
    "insert into keyword (keyword_id, name) select i, 'k' || i from generate_series(1, 500) i",
    "insert into movie_keyword (movie_id, keyword_id)"
    " select i, 1 + i % 500 from generate_series(1, {0}) i",
)
ORDERS = [
    Order(column, descending)
    for column in ("popularity", "vote_average", "release_date", "title_key")
    for descending in (True, False)
]
FILTERS = {
    "none": Filter(),
    "genre": Filter(genre_ids=(3,)),
    "two genres": Filter(genre_ids=(3, 4)),
    "year": Filter(released_after=date(1980, 1, 1), released_before=date(1980, 12, 31)),
    "after": Filter(released_after=date(2023, 6, 1)),
    "before": Filter(released_before=date(1950, 3, 1)),
    "rating": Filter(min_rating=9.9),
    "votes": Filter(min_votes=10_000),
    "language": Filter(language="ko"),
    "runtime at least": Filter(min_runtime=239),
    "runtime at most": Filter(max_runtime=1),
    "person": Filter(person_ids=(70,)),
    "keyword": Filter(keyword_ids=(70,)),
    "several": Filter(genre_ids=(3,), min_votes=9000, min_rating=9, language="ko"),
}
# A page of each step, and the one looked at first.
MERGED = 21 * 11 + 1
LARGE = {"movie", "movie_title", "movie_genre", "movie_keyword", "credit", "person"}
# Filters that keep much, but nothing of the beginning of an order.
LATE = {
    "movie_runtime_step_popularity_idx": (
        "update movie set popularity = popularity / 100000 where runtime_minutes between 20 and 77",
        Filter(min_runtime=20, max_runtime=77),
        Order("popularity", descending=True),
    ),
    "movie_date_step_popularity_idx": (
        "update movie set popularity = popularity / 100000 where release_date < '1972-05-05'",
        Filter(released_before=date(1972, 5, 4)),
        Order("popularity", descending=True),
    ),
    "movie_rating_step_release_date_idx": (
        "update movie set vote_average = 0 where release_date > '2015-05-05'",
        Filter(min_rating=6.2, language="en"),
        Order("release_date", descending=True),
    ),
}
# Just below a step of the filter, or just within one.
HARDLY = (
    ("movie_vote_average_idx", Filter(min_rating=6.4999), Order("release_date", descending=True)),
    (
        "movie_release_date_idx",
        Filter(released_after=date(1969, 12, 31), released_before=date(2000, 1, 10)),
        Order("popularity", descending=True),
    ),
)
BOUNDS = (
    *(Filter(min_rating=least) for least in (0.0, 0.01, 6.4999, 6.5, 6.51, 9.5, 9.9, 10.0)),
    *(Filter(min_runtime=least) for least in (0, 1, 2, 15, 16, 240, 241, 285, 286, 301)),
    *(Filter(max_runtime=most) for most in (0, 1, 15, 16, 240, 285, 300, 10**9)),
    Filter(min_runtime=20, max_runtime=77),
    Filter(min_runtime=16, max_runtime=30),
    Filter(min_runtime=17, max_runtime=17),
    Filter(min_runtime=30, max_runtime=29),
    *(Filter(released_after=day) for day in (date.min, date(1950, 1, 2), date(1990, 1, 9))),
    *(Filter(released_before=day) for day in (date.min, date(1979, 12, 31), date.max)),
    Filter(released_after=date(1955, 5, 5), released_before=date(2001, 2, 3)),
    Filter(released_after=date(2001, 2, 4), released_before=date(2001, 2, 3)),
)


@pytest.fixture
def database(database_for):
    """A catalogue of `SIZE` movies."""
    database = database_for("catalog")
    with database.begin(statement_timeout_seconds=120) as connection:
        for statement in FILL:
            connection.exec_driver_sql(statement.format(SIZE).replace("%", "%%"))
        shared.add_words(connection, title_word, [f"word{i}" for i in range(500)])
        shared.add_words(connection, name_word, [f"name{i}" for i in range(500)])
    with database.read() as connection:
        upkeep.settle(connection, 120)
    return database


@pytest.fixture
def plans(database):
    """Reads, and for each of their statements the plan's nodes."""

    @contextmanager
    def explained():
        nodes = []

        def explain(connection, cursor, statement, parameters, context, executemany):
            cursor.execute(f"explain (analyze, format json) {statement}", parameters)
            nodes.extend(nodes_of(cursor.fetchone()[0][0]["Plan"]))
            return statement, parameters

        event.listen(database.engine, "before_cursor_execute", explain, retval=True)
        try:
            with database.read() as connection:
                yield connection, nodes
        finally:
            event.remove(database.engine, "before_cursor_execute", explain)

    return explained


def nodes_of(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes_of(inner)


def read_whole(nodes):
    return {
        node["Relation Name"]
        for node in nodes
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    }


def test_every_filter_in_every_order_is_read_by_indexes(plans):
    for name, wanted in FILTERS.items():
        for order in ORDERS:
            with plans() as (connection, nodes):
                first = browsing.page(connection, wanted, order, None, 11)
                browsing.page(connection, wanted, order, first[-1] if first else None, 11)
            assert nodes, name
            assert read_whole(nodes) == set(), (name, order)
            if name == "none":
                assert not [node for node in nodes if node["Node Type"] == "Sort"], order


def test_what_filters_keep_late_in_an_order_is_walked_in_steps(database, plans):
    for index, (statement, wanted, order) in LATE.items():
        with database.begin() as connection:
            connection.exec_driver_sql(statement)
        with database.read() as connection:
            upkeep.settle(connection, 120)
        walked = []
        with plans() as (connection, nodes):
            after = None
            for _ in range(3):
                page = browsing.page(connection, wanted, order, after, 11)
                walked += page
                after = page[-1]
        assert index in {node.get("Index Name") for node in nodes}
        with database.read() as connection:
            everything = browsing.page(connection, wanted, order, None, SIZE)
        assert walked == everything[:33]


def test_bounds_within_steps_keep_what_they_say_and_walk_no_step_in_vain(
    database, plans, monkeypatch
):
    # As if nothing were found at the beginning of an order, nor all of it few.
    monkeypatch.setattr(browsing, "_LOOKED_AT_IN_A_HURRY", 1)
    monkeypatch.setattr(browsing, "_SORTED", 1)
    with database.read() as connection:
        rows = connection.execute(sa.select(movie)).all()
        for wanted in BOUNDS:
            column = "release_date" if wanted.min_rating is not None else "popularity"
            places = [
                Place(getattr(row, column), row.tmdb_id) for row in rows if keeps(wanted, row)
            ]
            places.sort(key=lambda place: (place.value, place.movie_id), reverse=True)
            order, middle = Order(column, descending=True), len(places) // 2
            assert browsing.page(connection, wanted, order, None, 11) == places[:11], wanted
            if places:
                found = browsing.page(connection, wanted, order, places[middle], 11)
                assert found == places[middle + 1 :][:11], wanted
    for index, wanted, order in HARDLY:
        with plans() as (connection, nodes):
            browsing.page(connection, wanted, order, None, 11)
        assert index in {node.get("Index Name") for node in nodes}, wanted


def test_a_page_by_steps_reads_no_more_than_it_merges(database, plans, monkeypatch):
    monkeypatch.setattr(browsing, "_LOOKED_AT_IN_A_HURRY", 1)
    with database.begin() as connection:
        connection.exec_driver_sql(
            "update movie set release_date = case when tmdb_id %% 4 > 0 then release_date end,"
            " runtime_minutes = case when tmdb_id %% 200 > 0 then runtime_minutes else 300 end"
        )
    with database.read() as connection:
        upkeep.settle(connection, 120)
    for wanted in (
        Filter(released_before=date(1979, 12, 31)),
        Filter(released_after=date(2001, 2, 3)),
        Filter(min_runtime=241),
        Filter(min_runtime=227),
        Filter(min_runtime=100),
        Filter(max_runtime=140),
    ):
        with plans() as (connection, nodes):
            browsing.page(connection, wanted, Order("popularity", descending=True), None, 11)
        assert read_rows(nodes) <= MERGED, wanted


def read_rows(nodes):
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
        if "Relation Name" in node
    )


def keeps(wanted, row):
    most = 999 if wanted.max_runtime is None else wanted.max_runtime
    return (
        (wanted.min_rating or 0) <= row.vote_average
        and (wanted.min_runtime or 0) <= row.runtime_minutes <= most
        and (wanted.released_after or date.min) <= row.release_date
        and row.release_date <= (wanted.released_before or date.max)
    )


def test_a_backfill_takes_the_popular_first_and_the_long_tail_by_id(database_for):
    popularity = {1: 0.2, 2: 7.0, 3: 0.9, 4: 50.0, 5: 1.0, 6: 0.95}
    wanted = items.Wanted("pending", since=datetime(2026, 1, 1, tzinfo=UTC))
    with database_for("catalog").begin() as connection:
        known = [(movie_id, False, value) for movie_id, value in popularity.items()]
        items.add(connection, "standin", known)
        taken = [
            [claim.movie_id for claim in items.claim(connection, "standin", uuid7(), wanted, 1)]
            for _ in range(7)
        ]
    assert taken == [[4], [2], [1], [3], [5], [6], []]


def test_movies_people_and_search_are_read_by_indexes(plans):
    with plans() as (connection, nodes):
        movies.credits_of(connection, 5, -1, 20)
        movies.exists(connection, 5)
        people.credits_of(connection, 70, None, 20, adult=False)
        for after in (None, (date(2001, 1, 1), 5), (None, 5)):
            people.movies_of_collection(connection, 5, after, 101, adult=False)
        for text in ("movie 1234 word234", "moive 1234 wrod234", "word77", "wodr77"):
            searching.movies(connection, searching.Query(title_key(text)), None, 21)
        for text in ("name77 family12577", "nmae77 family12577"):
            searching.people(connection, searching.Query(title_key(text)), None, 21)
    assert nodes
    assert read_whole(nodes) == set()
