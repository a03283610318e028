"""Migrations and tables say the same."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from interactions.tables import metadata


def test_migrations_make_what_tables_say(database_for):
    with database_for("interactions").read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    assert differences == []
