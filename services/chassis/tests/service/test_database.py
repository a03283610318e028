"""Transactions, timeouts and reconnection on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exc

from chassis import migrations, tables
from chassis.database import connect, refusal_of, violated
from chassis.errors import Unavailable
from chassis.migrations import migrate, renew_index

CHASSIS = Path(migrations.__file__).parent


def test_a_transaction_that_raises_leaves_nothing(database_for):
    database = database_for("chassis")

    def write_and_fail() -> None:
        with database.begin() as connection:
            connection.execute(sa.insert(tables.relay_state).values(name="a", value="1"))
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    with database.read() as connection:
        assert connection.execute(sa.select(tables.relay_state)).all() == []


def test_the_violated_constraint_is_named(database_for):
    database = database_for("chassis")
    row = sa.insert(tables.relay_state).values(name="a", value="1")
    with database.begin() as connection:
        connection.execute(row)
    with pytest.raises(exc.IntegrityError) as caught, database.begin() as connection:
        connection.execute(row)
    assert violated(caught.value) == "relay_state_pkey"
    assert "'1'" not in str(caught.value)


def test_an_error_quotes_no_row(database_for):
    database, values = database_for("chassis"), sa.insert(tables.relay_state)
    with database.begin() as connection:
        connection.execute(sa.text("create unique index one_value on relay_state (value)"))
        connection.execute(values.values(name="a", value="private"))
    with pytest.raises(exc.IntegrityError) as caught, database.begin() as connection:
        connection.execute(values.values(name="b", value="private"))
    assert "private" not in str(caught.value.orig) + str(caught.value)
    assert violated(caught.value) == "one_value"


def test_every_connection_has_its_timeouts_and_utc(database_for):
    with database_for("chassis").read() as connection:
        shown = {
            name: connection.execute(sa.text(f"show {name}")).scalar()
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "timezone",
            )
        }
    assert list(shown.values()) == ["30s", "5s", "1min", "UTC"]


def test_a_lock_that_was_waited_for_shows_what_was_written_whatever_the_servers_default(
    database_for,
):
    database = database_for("chassis")
    name = database.engine.url.database
    with database.begin() as connection:
        connection.exec_driver_sql(
            f"alter database {name} set default_transaction_isolation = 'repeatable read'"
        )
    database.dispose()
    try:
        with database.read() as connection:
            shown = connection.exec_driver_sql("show transaction_isolation").scalar()
    finally:
        with database.begin() as connection:
            connection.exec_driver_sql(f"alter database {name} reset default_transaction_isolation")
    assert shown == "read committed"


def test_a_timeout_of_one_transaction_ends_with_it(database_for):
    database = database_for("chassis")
    show = sa.text("show statement_timeout")
    with database.begin(statement_timeout_seconds=0.25) as connection:
        assert connection.execute(show).scalar() == "250ms"
    with database.begin() as connection:
        assert connection.execute(show).scalar() == "30s"


def test_connections_that_died_in_the_pool_are_replaced_unnoticed(database_for):
    database = database_for("chassis")
    me = sa.text("select pg_backend_pid()")
    with database.read() as first, database.read() as second, database.read() as other:
        doomed = [first.execute(me).scalar(), second.execute(me).scalar()]
        for process_id in doomed:
            other.execute(sa.text("select pg_terminate_backend(:pid, 5000)"), {"pid": process_id})
    with database.read() as one, database.begin() as two, database.read() as three:
        alive = {connection.execute(me).scalar() for connection in (one, two, three)}
    assert len(alive) == 3
    assert alive.isdisjoint(doomed)


def test_a_server_lost_after_the_answer_costs_neither_the_answer_nor_a_place_in_the_pool(
    database_for,
):
    database = database_for("chassis")
    url = database.engine.url.render_as_string(hide_password=False)
    small = connect(url, pool_size=1, application_name="tests")
    me, doomed = sa.text("select pg_backend_pid()"), None
    for _ in range(3):
        with small.read() as connection:
            connection.execute(me)
        with small.read() as connection, database.read() as other:
            doomed = connection.execute(me).scalar()
            other.execute(sa.text("select pg_terminate_backend(:pid, 5000)"), {"pid": doomed})
    with small.statements() as connection:
        assert connection.execute(me).scalar() != doomed
    small.dispose()


def test_autocommit_ends_with_its_block(database_for):
    url = database_for("chassis").engine.url.render_as_string(hide_password=False)
    small = connect(url, pool_size=1, application_name="tests")
    row = sa.insert(tables.relay_state).values(name="a", value="1")

    def write_and_fail() -> None:
        with small.begin() as connection:
            connection.execute(row)
            raise LookupError

    with small.read() as connection, pytest.raises(exc.ProgrammingError):
        connection.execute(sa.text("select no_such_column"))
    with pytest.raises(LookupError):
        write_and_fail()
    with small.statements() as connection:
        assert connection.execute(sa.select(tables.relay_state)).all() == []
        connection.execute(row)
    with small.read() as connection:
        assert len(connection.execute(sa.select(tables.relay_state)).all()) == 1
    small.dispose()


def test_a_database_that_is_down_is_unavailable_and_not_ready():
    database = connect("postgresql+psycopg2://127.0.0.1:1/none", application_name="tests")
    assert database.ping() is False
    with pytest.raises(exc.OperationalError) as caught, database.begin():
        pass
    assert isinstance(refusal_of(caught.value), Unavailable)


def test_a_server_that_may_only_be_read_now_is_an_outage_and_is_left(database_for):
    """As a primary becomes by a failover, and a managed server when its disk is full."""
    database, row = database_for("chassis"), sa.insert(tables.relay_state)
    with database.read() as connection:
        connection.execute(sa.text("set default_transaction_read_only = on"))
    with pytest.raises(exc.DBAPIError) as caught, database.begin() as connection:
        connection.execute(row.values(name="a", value="1"))
    assert isinstance(refusal_of(caught.value), Unavailable)
    with database.begin() as connection:
        connection.execute(row.values(name="a", value="1"))


def test_what_the_database_cannot_hold_is_no_outage(database_for):
    with database_for("chassis").engine.connect() as connection:
        connection.execute(sa.text("create temporary table one (long text unique)"))
        long = "select string_agg(md5(cast(n as text)), '') from generate_series(1, 500) as n"
        with pytest.raises(exc.OperationalError) as caught:
            connection.execute(sa.text(f"insert into one {long}"))
    assert refusal_of(caught.value) is None


def test_a_pool_with_none_left_is_unavailable(database_url_for):
    database = connect(database_url_for("chassis"), pool_size=1, application_name="tests")
    with database.read() as connection:
        connection.execute(sa.text("select 1"))
        with pytest.raises(exc.TimeoutError) as caught, database.begin():
            pass
    assert isinstance(refusal_of(caught.value), Unavailable)
    database.dispose()


def test_migrations_make_exactly_the_tables(database_for):
    with database_for("chassis").engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_attached_tables_keep_their_names(database_for):
    target = sa.MetaData()
    tables.attach(target)
    with database_for("chassis").engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, target) == []


@pytest.mark.parametrize("valid", [True, False])
def test_an_index_that_lacks_nothing_but_its_name_is_not_dropped(database_for, valid):
    """What an attempt leaves that is cut off between dropping the old one and naming the new."""
    database = database_for("chassis")
    with database.begin() as connection:
        connection.execute(sa.text("create table shelf (number int)"))
        connection.execute(sa.text("create unique index shelf_number_key_new on shelf (number)"))
        connection.execute(
            sa.text(
                "update pg_index set indisvalid = :valid"
                " where indexrelid = 'shelf_number_key_new'::regclass"
            ),
            {"valid": valid},
        )
        left = connection.execute(sa.text("select 'shelf_number_key_new'::regclass::oid")).scalar()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        renew_index(context, "shelf_number_key", "shelf", ["number"], unique=True)
    with database.read() as connection:
        named = connection.execute(sa.text("select 'shelf_number_key'::regclass::oid")).scalar()
        names = [index["name"] for index in sa.inspect(connection).get_indexes("shelf")]
    assert (named == left) is valid
    assert names == ["shelf_number_key"]


def test_an_index_is_renewed_where_one_of_its_name_is_there(database_for):
    database = database_for("chassis")
    for columns in (["number"], ["number", "room"]):
        with database.begin() as connection:
            connection.execute(sa.text("create table if not exists shelf (number int, room int)"))
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection)
            renew_index(context, "shelf_number_idx", "shelf", columns)
        with database.read() as connection:
            [index] = sa.inspect(connection).get_indexes("shelf")
        assert (index["name"], index["column_names"]) == ("shelf_number_idx", columns)


@pytest.fixture
def service_package(tmp_path, monkeypatch):
    """A service with one revision, importable for this test."""
    versions = tmp_path / "tiny_service" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "tiny_service" / "__init__.py").touch()
    (versions.parent / "env.py").write_text(
        "import sqlalchemy as sa\n"
        "from chassis.migrations import run_migrations\n"
        "run_migrations(sa.MetaData())\n"
    )
    (versions / "tiny_0001.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision, down_revision, branch_labels, depends_on = 'tiny_0001', None, ('tiny',), None\n"
        "def upgrade():\n    op.create_table('shelf', sa.Column('shelf_id', sa.Uuid))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "tiny_service"


def test_a_service_migrates_after_the_chassis_and_two_may_start_together(
    database_url_for, service_package
):
    url = database_url_for("chassis")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, [url] * 3, [service_package] * 3))
    database = connect(url, application_name="tests")
    with database.read() as connection:
        found = connection.execute(sa.text("select version_num from alembic_version")).scalars()
        newest = max(path.stem for path in (CHASSIS / "versions").glob("chassis_*.py"))
        assert set(found) == {newest, "tiny_0001"}
        assert sa.inspect(connection).has_table("shelf")
    database.dispose()
