"""After many writes: what autovacuum would do within minutes, done before anybody searches."""

from sqlalchemy.engine import Connection

_GIN_INDEXES = (
    "movie_title_words_idx", "person_words_idx", "title_word_near_idx", "title_word_trigram_idx",
    "name_word_near_idx", "name_word_trigram_idx",
)  # fmt: skip
_TABLES = (
    "movie, movie_title, movie_genre, movie_keyword, credit, person, translation, sync_item,"
    " title_word, name_word"
)


def settle(connection: Connection) -> None:
    """Sort new entries into the indexes of search, and tell the planner how much there is.

    Until then a search reads the unsorted entries one by one, or even the whole table.
    """
    for name in _GIN_INDEXES:
        connection.exec_driver_sql(
            "select gin_clean_pending_list(%(name)s::regclass)", {"name": name}
        )
    connection.exec_driver_sql(f"analyze {_TABLES}")
