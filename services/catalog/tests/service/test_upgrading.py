"""Migrations of a catalogue that is in use."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from alembic import command

from chassis.database import connect
from chassis.migrations import configuration, migrate

INDEXES = sa.text(
    "select relname, indisvalid from pg_index join pg_class on oid = indexrelid"
    " where indrelid = 'movie'::regclass order by 1"
)


def test_a_catalogue_in_use_is_upgraded_by_two_at_once_after_one_that_was_cut_off(
    database_url_for,
):
    url = database_url_for("catalog")
    database = connect(url, application_name="test")
    with database.read() as connection:
        expected = connection.execute(INDEXES).all()
    with database.engine.connect() as connection:
        config = configuration("catalog")
        config.attributes["connection"] = connection
        command.downgrade(config, "catalog_0003")
    with database.begin() as connection:
        connection.exec_driver_sql(
            "insert into movie (tmdb_id, source, title, content_hash)"
            " select i, 'standin', 'Movie', '' from generate_series(1, 100) i"
        )
        # As an attempt leaves it that was killed while it built.
        connection.exec_driver_sql("create index movie_popularity_idx_new on movie (popularity)")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: migrate(url, "catalog"), range(2)))
    with database.read() as connection:
        assert connection.execute(INDEXES).all() == expected
    assert all(is_valid for _, is_valid in expected)
    database.dispose()
