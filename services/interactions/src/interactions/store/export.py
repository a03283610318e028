"""What the service holds on a person, by section."""

from collections.abc import Sequence

import sqlalchemy as sa

from chassis.export import Section
from interactions.tables import (
    favorite,
    hidden_movie,
    import_chunk,
    import_row_error,
    movie_import,
    movie_list,
    movie_list_entry,
    rating,
    user_access,
    user_sequence,
    watchlist_entry,
)

_LIST_ENTRIES = (
    sa.select(
        movie_list.c.user_id,
        movie_list_entry.c.list_id,
        movie_list_entry.c.rank,
        movie_list_entry.c.movie_id,
        movie_list_entry.c.added_at,
    )
    .join(movie_list, movie_list.c.list_id == movie_list_entry.c.list_id)
    .subquery()
)


def _of_imports(table: sa.Table) -> sa.FromClause:
    """What hangs on a person's imports."""
    joined = sa.join(table, movie_import, movie_import.c.import_id == table.c.import_id)
    return sa.select(movie_import.c.user_id, *table.c).select_from(joined).subquery()


SECTIONS: Sequence[Section] = (
    Section("ratings", rating, ("movie_id",)),
    Section("favorites", favorite, ("movie_id",)),
    Section("watchlist", watchlist_entry, ("movie_id",)),
    Section("hidden_movies", hidden_movie, ("movie_id",)),
    Section("lists", movie_list, ("list_id",)),
    Section("list_entries", _LIST_ENTRIES, ("list_id", "rank")),
    Section("imports", movie_import, ("import_id",)),
    Section("import_chunks", _of_imports(import_chunk), ("import_id", "chunk_number"), at_once=1),
    Section("import_row_errors", _of_imports(import_row_error), ("import_id", "place")),
    Section("sequence", user_sequence, ("user_id",)),
    Section("access", user_access, ("user_id",)),
)
