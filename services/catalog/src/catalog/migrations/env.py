from catalog.tables import metadata
from chassis.migrations import run_migrations

run_migrations(metadata)
