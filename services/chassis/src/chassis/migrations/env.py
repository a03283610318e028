from chassis.migrations import run_migrations
from chassis.tables import metadata

run_migrations(metadata)
