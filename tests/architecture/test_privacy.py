"""Every table about people is in the export, and emptied by an erasure."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.sql import visitors

from chassis import tables as chassis_tables
from chassis.database import Database

FORGETTING = {
    "users": ("users.store.erasures", "delete_account"),
    "interactions": ("interactions.operations.erasing", "forget"),
    "recommender": ("recommender.store.erasing", "forget"),
    "analytics": ("analytics.store.activities", "forget"),
}
PEOPLE = {"user_id", "followed_user_id", "actor"}
"""Names of columns that hold a person."""


def _about_people(service: str) -> Iterator[sa.Table]:
    for table in import_module(f"{service}.tables").metadata.sorted_tables:
        own = table.name not in chassis_tables.metadata.tables
        if own and PEOPLE & set(table.c.keys()):
            yield table


def _exported(service: str) -> set[str]:
    sections = import_module(f"{service}.store.export").SECTIONS
    return {
        found.name
        for section in sections
        for found in visitors.iterate(section.source)
        if isinstance(found, sa.Table)
    }


def _emptied(deleted: set[str], metadata: sa.MetaData) -> set[str]:
    """What is deleted by a statement, and what goes with it by a foreign key."""
    emptied = set(deleted)
    for table in metadata.sorted_tables:
        if any(
            key.ondelete == "CASCADE" and key.column.table.name in emptied
            for key in table.foreign_keys
        ):
            emptied.add(table.name)
    return emptied


@pytest.mark.parametrize("service", FORGETTING)
def test_the_export_has_every_table_about_people(service: str):
    missing = {table.name for table in _about_people(service)} - _exported(service)
    assert missing == set()


@pytest.mark.parametrize("service", FORGETTING)
def test_an_erasure_empties_every_table_about_people(
    service: str, database_for: Callable[[str], Database]
):
    module, name = FORGETTING[service]
    forget: Callable[[Any, Any], Any] = getattr(import_module(module), name)
    database, deleted = database_for(service), set[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        words = statement.split()
        if words[:2] == ["DELETE", "FROM"]:
            deleted.add(words[2].strip('"'))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.begin() as connection:
        forget(connection, uuid4())
    event.remove(database.engine, "before_cursor_execute", note)
    about = {table.name for table in _about_people(service)}
    assert about - _emptied(deleted, import_module(f"{service}.tables").metadata) == set()


def test_the_catalogue_is_about_nobody():
    assert list(_about_people("catalog")) == []
