"""Months are made ahead and dropped behind; migrations and tables agree."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from analytics import tables
from analytics.domain.activities import Activity
from analytics.jobs import CHORES, job_functions
from analytics.operations import retention
from analytics.operations.activities import Hiding, delete_activity
from analytics.store import activities
from analytics.store.retention import partitions
from chassis.erasure import Tombstones
from chassis.errors import Unavailable
from chassis.migrations import configuration, migrate

NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)


def names(database) -> list[str]:
    with database.read() as connection:
        return partitions(connection)


def activity(at: datetime) -> Activity:
    return Activity(
        at, uuid4(), uuid4(), None, "search", None, '{"q": "a\\\\b\\tc"}', None, None, at
    )


def run(database, kind: str, at: datetime) -> Any:
    functions = job_functions(database, 13, lambda: at)
    return functions[kind](None, None)  # pyright: ignore[reportArgumentType]


def test_there_is_room_for_this_month_and_the_next_three(database):
    retention.make_partitions(database, NOW)
    retention.make_partitions(database, NOW)
    made = [f"user_activity_2031_{month:02}" for month in (4, 5, 6, 7, 8)]
    assert names(database)[-5:] == made


def test_what_has_no_month_waits_rather_than_being_refused(database):
    with pytest.raises(Unavailable), database.begin() as connection:
        activities.copy_in(connection, [activity(NOW)])
    run(database, "make_partitions", NOW)
    with database.begin() as connection:
        activities.copy_in(connection, [activity(NOW)])
    with database.read() as connection:
        kept = connection.execute(sa.select(tables.user_activity)).mappings().one()
    assert kept["metadata"] == {"q": "a\\b\tc"}
    assert kept["received_at"] == NOW


def test_months_past_their_time_are_dropped(database):
    run(database, "make_partitions", NOW)
    with database.begin() as connection:
        activities.copy_in(connection, [activity(NOW)])
        activities.salt_of(connection, NOW.date(), b"salt")
    a_year_on = NOW + timedelta(days=365)
    assert "user_activity_2031_04" not in run(database, "drop_old_activity", a_year_on)["dropped"]
    assert "user_activity_2031_05" in names(database)
    later = NOW + timedelta(days=460)
    assert "user_activity_2031_05" in run(database, "drop_old_activity", later)["dropped"]
    with database.read() as connection:
        assert connection.execute(sa.select(tables.user_activity)).all() == []
        assert connection.execute(sa.select(tables.pseudonym_salt)).all() == []


def test_a_deletion_is_remembered_as_long_as_what_it_keeps_out_can_come(database):
    hiding = Hiding(b"key", Tombstones("k" * 32))
    with database.begin() as connection:
        delete_activity(connection, uuid4(), "", hiding=hiding, at=NOW)
    left = []
    for days in (44, 46):
        run(database, "drop_old_activity", NOW + timedelta(days=days))
        with database.read() as connection:
            left.append(len(connection.execute(sa.select(tables.activity_deletion)).all()))
    assert left == [1, 0]


def test_each_chore_has_its_function(database):
    assert {chore.kind for chore in CHORES} == set(job_functions(database, 13, lambda: NOW))


def test_an_upgrade_takes_the_exact_times_out_of_sums(database, database_url_for):
    with database.engine.connect() as connection:
        config = configuration("analytics")
        config.attributes["connection"] = connection
        command.downgrade(config, "analytics_0003")
    keys = {"granularity": "day", "bucket": NOW, "activity_type": "search", "actor": uuid4()}
    exact = dict.fromkeys(("created_at", "updated_at"), NOW)
    with database.begin() as connection:
        connection.execute(sa.insert(tables.activity_actor).values({**keys, **exact}))
    migrate(database_url_for("analytics"), "analytics")
    with database.read() as connection:
        (kept,) = connection.execute(sa.select(tables.activity_actor)).mappings().all()
    assert kept["created_at"] == kept["updated_at"] == NOW.replace(hour=0)


def test_migrations_and_tables_agree(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _parents: (
                    kind != "table" or not name.startswith(("user_activity_", "alembic"))
                ),
            },
        )
        assert compare_metadata(context, tables.metadata) == []
