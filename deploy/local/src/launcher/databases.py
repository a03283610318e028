"""A role and a database for each service; a role can connect to no other database."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions, sql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from launcher.settings import Failure

EXTENSIONS = ("pg_trgm", "btree_gist")
OLDEST_VERSION = 150000


def name_of(service: str) -> str:
    """The name of a service's role and of its database."""
    return f"marquee_{service}"


def url_of(admin_url: str, service: str, password: str) -> str:
    """What a service connects with."""
    name = name_of(service)
    url = _parsed(admin_url).set(
        drivername="postgresql+psycopg2", username=name, password=password, database=name
    )
    return url.render_as_string(hide_password=False)


def ping(admin_url: str) -> None:
    """SELECT 1, or psycopg2's error."""
    with _connected(_parsed(admin_url)) as cursor:
        cursor.execute("select 1")


def prepare(admin_url: str, passwords: Mapping[str, str], *, ours: bool) -> None:
    """Make what is missing; on our `ours` server also shut the databases that belong to nobody."""
    admin = _parsed(admin_url)
    with _connected(admin) as cursor:
        _check_version(cursor)
        for service, password in passwords.items():
            _ensure_role(cursor, name_of(service), password)
            _ensure_database(cursor, name_of(service))
        if ours:
            for name in ("postgres", "template1"):
                _run(cursor, "revoke connect on database {} from public", name)
    for service in passwords:
        with _connected(admin.set(database=name_of(service))) as cursor:
            for extension in EXTENSIONS:
                _run(cursor, "create extension if not exists {}", extension)


def drop(admin_url: str, services: tuple[str, ...]) -> None:
    """Remove the services' databases and roles from a server that is not ours."""
    with _connected(_parsed(admin_url)) as cursor:
        for service in services:
            _run(cursor, "drop database if exists {} with (force)", name_of(service))
            _run(cursor, "drop role if exists {}", name_of(service))


def _check_version(cursor: extensions.cursor) -> None:
    cursor.execute("select current_setting('server_version_num')::int")
    row = cursor.fetchone()
    if row is None or row[0] < OLDEST_VERSION:
        raise Failure(f"PostgreSQL 15 or later is needed, the server is {row and row[0]}")


def _ensure_role(cursor: extensions.cursor, name: str, password: str) -> None:
    cursor.execute("select 1 from pg_roles where rolname = %s", (name,))
    verb = "alter" if cursor.fetchone() else "create"
    statement = sql.SQL(verb + " role {} login password {}")
    cursor.execute(statement.format(sql.Identifier(name), sql.Literal(password)))
    # The admin of a hosted server is no superuser: it must be in the role to give it a database.
    _run(cursor, "grant {} to current_user", name)


def _ensure_database(cursor: extensions.cursor, name: str) -> None:
    cursor.execute("select 1 from pg_database where datname = %s", (name,))
    if cursor.fetchone() is None:
        _run(cursor, "create database {0} owner {0}", name)
    _run(cursor, "revoke all on database {} from public", name)


def _run(cursor: extensions.cursor, statement: str, name: str) -> None:
    cursor.execute(sql.SQL(statement).format(sql.Identifier(name)))


@contextmanager
def _connected(url: URL) -> Generator[extensions.cursor]:
    arguments: dict[str, Any] = url.set(drivername="postgresql").translate_connect_args(
        username="user", database="dbname"
    )
    arguments |= url.query
    opened: extensions.connection = psycopg2.connect(**arguments, connect_timeout=5)
    try:
        opened.autocommit = True
        with opened.cursor() as cursor:
            yield cursor
    finally:
        opened.close()


def _parsed(admin_url: str) -> URL:
    try:
        url = make_url(admin_url)
    except ArgumentError as error:
        raise Failure("DATABASE_ADMIN_URL is not a database URL") from error
    if not url.drivername.startswith("postgres"):
        raise Failure("DATABASE_ADMIN_URL must begin with postgresql://")
    return url
