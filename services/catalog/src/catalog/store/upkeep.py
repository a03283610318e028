"""After many writes: what autovacuum would do within minutes, done before anybody searches."""

from psycopg2.errors import LockNotAvailable
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

_GIN_INDEXES = (
    "movie_title_words_idx", "person_words_idx", "title_word_near_idx", "title_word_trigram_idx",
    "name_word_near_idx", "name_word_trigram_idx",
)  # fmt: skip
_READ_BY_INDEX_ALONE = ("movie", "movie_genre", "movie_keyword", "credit")
_OTHERS = "movie_title, person, translation, sync_item, title_word, name_word"


def settle(connection: Connection, timeout_seconds: int) -> None:
    """Sort new entries into the indexes of search, mark what is visible to all, and tell the
    planner how much there is.

    Until then a search reads the unsorted entries one by one, or even the whole table, and the
    orders of browsing fetch every movie they pass. In autocommit, for VACUUM will have it so.
    """
    connection.exec_driver_sql(f"set statement_timeout = {timeout_seconds * 1000}")
    try:
        _settle(connection)
    finally:
        connection.exec_driver_sql("reset statement_timeout")


def _settle(connection: Connection) -> None:
    for name in _GIN_INDEXES:
        connection.exec_driver_sql(
            "select gin_clean_pending_list(%(name)s::regclass)", {"name": name}
        )
    for name in _READ_BY_INDEX_ALONE:
        _vacuum(connection, name)
    connection.exec_driver_sql(f"analyze (skip_locked) {_OTHERS}")


def _vacuum(connection: Connection, name: str) -> None:
    """Autovacuum, which may be at it right after so much was written, gives way in a second to who
    waits for it. What another run tends to is left to it."""
    try:
        connection.exec_driver_sql(f"vacuum (analyze) {name}")
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
