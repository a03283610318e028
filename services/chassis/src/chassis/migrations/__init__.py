"""Alembic without alembic.ini: the chassis's branch first, then the service's own."""

import os
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

_LOCK_KEY = 0x6D617271
_LOCK_TIMEOUT_SECONDS = 5
_PATIENCE_SECONDS = 300
_POLL_SECONDS = 0.2


def migrate(database_url: str, package: str) -> None:
    """Bring the database to the newest schema of the chassis and of `package`.

    Two that start together take turns. A table that stays locked for five seconds fails the
    migration rather than making everybody queue behind it.
    """
    engine = sa.create_engine(database_url, poolclass=NullPool)
    with engine.connect() as guard:
        _take_turn(guard)
        for target in ("chassis@head", "heads"):
            with engine.connect() as connection:
                _upgrade(connection, package, target)


def _upgrade(connection: Connection, package: str, target: str) -> None:
    connection.execute(sa.text(f"set lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'"))
    connection.commit()  # or alembic would take the open transaction for somebody else's
    config = configuration(package)
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def configuration(package: str) -> Config:
    """Alembic's configuration for one service, for its commands and for comparison in tests."""
    own = Path(str(files(package))) / "migrations"
    chassis = Path(__file__).parent / "versions"
    config = Config()
    config.set_main_option("script_location", str(own))
    config.set_main_option("path_separator", "os")
    # The chassis by itself is a package too, in its own tests: then both are the same folder.
    folders = dict.fromkeys((str(chassis), str(own / "versions")))
    config.set_main_option("version_locations", os.pathsep.join(folders))
    return config


def run_migrations(metadata: sa.MetaData) -> None:
    """What a service's env.py calls: each revision in a transaction of its own."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def renew_index(
    migration: MigrationContext,
    name: str,
    table: str,
    columns: Sequence[str | sa.TextClause],
    **options: Any,
) -> None:
    """Build an index beside the one of its name while people write, then put it in its place.

    Outside of any transaction: what an attempt that was cut off has left goes first, but for a
    whole index that only lacks its name, which may be all that keeps rows unique.
    """
    new = f"{name}_new"
    with _online(migration) as operations:
        if _valid(operations, name) is not None or not _valid(operations, new):
            _drop(operations, new, table)
            operations.create_index(
                new, table, list(columns), postgresql_concurrently=True, **options
            )
            _drop(operations, name, table)
        operations.execute(f"alter index {new} rename to {name}")


def drop_index(migration: MigrationContext, name: str, table: str) -> None:
    """Drop an index, if it is there, while people read and write."""
    with _online(migration) as operations:
        _drop(operations, name, table)


@contextmanager
def _online(migration: MigrationContext) -> Generator[Operations]:
    """Outside of a transaction, and patient: what is built so waits for the longest of others'
    transactions, but nobody waits for it."""
    operations = Operations(migration)
    with migration.autocommit_block():
        operations.execute("set lock_timeout = 0")
        try:
            yield operations
        finally:
            operations.execute(f"set lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'")


def _drop(operations: Operations, name: str, table: str) -> None:
    operations.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)


def _valid(operations: Operations, name: str) -> bool | None:
    """Whether an index has been built to its end; None where there is none."""
    index = sa.table("pg_index", sa.column("indexrelid"), sa.column("indisvalid"))
    found = sa.select(index.c.indisvalid).where(index.c.indexrelid == sa.func.to_regclass(name))
    return operations.get_bind().execute(found).scalar_one_or_none()


def _take_turn(guard: Connection) -> None:
    """Hold the lock on a connection of its own until that closes.

    Asked for again and again: whoever waits inside of a statement would be waited for by an index
    that is built concurrently, for ever.
    """
    guard.execution_options(isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not guard.execute(sa.select(sa.func.pg_try_advisory_lock(_LOCK_KEY))).scalar_one():
        if time.monotonic() > deadline:
            raise TimeoutError(f"another migration has not ended within {_PATIENCE_SECONDS} s")
        time.sleep(_POLL_SECONDS)
