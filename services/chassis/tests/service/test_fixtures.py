"""The pytest plugin keeps what it promises."""

import sqlalchemy as sa


def test_a_database_is_migrated_and_the_same_within_one_test(database_for, database_url_for):
    with database_for("chassis").begin() as connection:
        connection.execute(sa.text("insert into relay_state (name, value) values ('a', 'b')"))
    with database_for("chassis").read() as connection:
        assert connection.execute(sa.text("select value from relay_state")).scalar() == "b"
    assert "/test_chassis_" in database_url_for("chassis")


def test_a_database_of_the_next_test_is_empty(database_for):
    with database_for("chassis").read() as connection:
        assert connection.execute(sa.text("select count(*) from relay_state")).scalar() == 0


def test_streams_and_cache_are_apart_and_empty(redis_streams, redis_cache):
    assert redis_streams.dbsize() == redis_cache.dbsize() == 0
    redis_streams.set("a", "b")
    assert redis_cache.get("a") is None


def test_extensions_the_services_need_are_there(database_for):
    with database_for("chassis").begin() as connection:
        connection.execute(sa.text("create extension pg_trgm"))
        connection.execute(sa.text("create extension btree_gist"))
