from chassis.migrations import run_migrations
from recommender.tables import metadata

run_migrations(metadata)
