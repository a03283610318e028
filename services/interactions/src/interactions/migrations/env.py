from chassis.migrations import run_migrations
from interactions.tables import metadata

run_migrations(metadata)
