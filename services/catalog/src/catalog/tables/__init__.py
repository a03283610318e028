"""The catalog's tables. `movie_id` is always the TMDb id; `movie.id` never leaves the table."""

from catalog.tables import movies, people, search, sync
from catalog.tables.columns import metadata

__all__ = ["metadata", "movies", "people", "search", "sync"]
