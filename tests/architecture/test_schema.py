"""alembic and tables.py describe the same database."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from chassis.database import Database

SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_and_tables_are_in_step(service: str, database_for: Callable[[str], Database]):
    metadata = import_module(f"{service}.tables").metadata
    with database_for(service).read() as connection:
        partitions = set(
            connection.execute(text("select relname from pg_class where relispartition")).scalars()
        )

        def include(_object: Any, name: str | None, kind: str, *_rest: Any) -> bool:
            return not (kind == "table" and (name in partitions or name == "alembic_version"))

        options = {"compare_type": True, "include_object": include}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
