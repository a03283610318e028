"""Alembic without alembic.ini: the chassis's branch first, then the service's own."""

import os
from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

_LOCK_KEY = 0x6D617271
_LOCK_TIMEOUT_SECONDS = 5
_PATIENCE_SECONDS = 300


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


def _take_turn(guard: Connection) -> None:
    """Hold the lock on a connection of its own until that closes."""
    guard.execution_options(isolation_level="AUTOCOMMIT")
    guard.execute(sa.text(f"set lock_timeout = '{_PATIENCE_SECONDS}s'"))
    guard.execute(sa.text("select pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
