"""After many writes: what autovacuum would do within minutes, done before anybody searches."""

from sqlalchemy.engine import Connection

_GIN_INDEXES = ("movie_title_trigram_idx", "movie_title_words_idx", "person_trigram_idx")
_TABLES = "movie, movie_title, movie_genre, movie_keyword, credit, person, translation, sync_item"


def settle(connection: Connection) -> None:
    """Sort new entries into the indexes of search, and tell the planner how much there is.

    Until then a search reads the unsorted entries one by one, or even the whole table.
    """
    for name in _GIN_INDEXES:
        connection.exec_driver_sql(
            "select gin_clean_pending_list(%(name)s::regclass)", {"name": name}
        )
    connection.exec_driver_sql(f"analyze {_TABLES}")
