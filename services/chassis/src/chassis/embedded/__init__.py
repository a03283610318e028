"""PostgreSQL and Valkey out of their wheels, run by ourselves: for tests and the embedded run."""

from chassis.embedded.children import StartError, command_line, death_guard
from chassis.embedded.postgres import EmbeddedPostgres, postgres_folder
from chassis.embedded.valkey import EmbeddedValkey, valkey_program

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "StartError",
    "command_line",
    "death_guard",
    "postgres_folder",
    "valkey_program",
]
