"""How alembic finds our tables."""

from chassis.migrations import run_migrations
from users.tables import metadata

run_migrations(metadata)
