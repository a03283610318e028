"""A fresh, migrated database for each test, copied from a template made once a run."""

import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager

import psycopg2
from psycopg2 import sql

from chassis.database import Database, connect
from chassis.migrations import migrate
from chassis.testing.servers import Servers, locked


class Databases:
    """The databases of one test: one a package, made when first asked for, dropped at the end."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._names: dict[str, str] = {}
        self._open: list[Database] = []

    def url(self, package: str) -> str:
        """SQLAlchemy URL of this test's database of `package`, migrated and empty."""
        if package not in self._names:
            name = f"test_{package}_{uuid.uuid4().hex[:12]}"
            template = make_template(self._servers, package)
            with administration(self._servers) as cursor:
                cursor.execute(
                    sql.SQL("create database {} template {} strategy file_copy").format(
                        sql.Identifier(name), sql.Identifier(template)
                    )
                )
            self._names[package] = name
        return self._servers.postgres.url_of(self._names[package])

    def connect(self, package: str) -> Database:
        """A Database on it; closed with the test."""
        database = connect(self.url(package), pool_size=16, application_name=f"test-{package}")
        self._open.append(database)
        return database

    def drop(self) -> None:
        """Close and drop everything made for the test."""
        for database in self._open:
            database.dispose()
        with administration(self._servers) as cursor:
            for name in self._names.values():
                cursor.execute(
                    sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
                )


def make_template(servers: Servers, package: str) -> str:
    """The name of the migrated template of `package`; the first who asks makes it."""
    if not re.fullmatch(r"[a-z_]+", package):
        raise ValueError(f"not a package name: {package!r}")
    template, draft = f"template_{package}", f"draft_{package}"
    with locked(servers.folder / f"template-{package}"), administration(servers) as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", (template,))
        if cursor.fetchone() is None:
            drop = sql.SQL("drop database if exists {} with (force)")
            cursor.execute(drop.format(sql.Identifier(draft)))
            cursor.execute(sql.SQL("create database {}").format(sql.Identifier(draft)))
            migrate(servers.postgres.url_of(draft), package)
            cursor.execute(
                sql.SQL("alter database {} rename to {}").format(
                    sql.Identifier(draft), sql.Identifier(template)
                )
            )
    return template


@contextmanager
def administration(servers: Servers) -> Generator["psycopg2.extensions.cursor"]:
    """A cursor of the superuser outside any transaction."""
    connection = psycopg2.connect(servers.postgres.url.replace("+psycopg2", ""))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
