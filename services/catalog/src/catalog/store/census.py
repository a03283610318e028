"""A census beside what the sync knows: who is new, who moved, who is missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from catalog.store import batches, bulk
from catalog.tables.sync import sync_item

_MISSES_BEFORE_VERIFYING = 2
_COLUMNS = ("movie_id", "adult", "popularity")
_UNIQUE = "create unique index on census (movie_id)"


@dataclass(frozen=True, slots=True)
class Counted:
    """What a census queued or missed."""

    new_count: int
    missing_count: int


def begin(connection: Connection) -> None:
    """An empty place for this transaction's census."""
    connection.exec_driver_sql(
        "create temp table census on commit drop as"
        " select movie_id, adult, popularity from sync_item with no data"
    )


def append(connection: Connection, rows: Sequence[tuple[int, bool, float]]) -> None:
    """Some of its lines."""
    bulk.copy(connection, sync_item, _COLUMNS, rows, into="census")


def complete(connection: Connection) -> int:
    """All its lines are there; answers how many movies they name. Of two for a movie, which stand
    in two exports while it becomes adult, the last counts."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(_UNIQUE)
    except IntegrityError:
        connection.exec_driver_sql(
            "delete from census c using (select movie_id, max(ctid) as last from census"
            " group by movie_id having count(*) > 1) twice"
            " where c.movie_id = twice.movie_id and c.ctid <> twice.last"
        )
        connection.exec_driver_sql(_UNIQUE)
    connection.exec_driver_sql("analyze census")
    return connection.exec_driver_sql("select count(*) from census").scalar_one()


def settle(connection: Connection, source: str, *, with_adult: bool) -> Counted:
    """Bring the queue in line: one pass each for new, moved, missing and found-again movies.
    Only a census with adult movies can miss any of them. What waits and is missing waits on: it
    may be gone without a wonder.

    It changes movies as well, and so waits for their writer before it holds any of the queue. It
    leaves `updated_at` alone, which a refresh under way takes for the moment of a fetch.
    """
    batches.take_writers_turn(connection)
    parameters = {
        "source": source,
        "misses": _MISSES_BEFORE_VERIFYING,
        "with_adult": with_adult,
    }
    new = connection.exec_driver_sql(
        "insert into sync_item (movie_id, source, adult, popularity)"
        " select c.movie_id, %(source)s, c.adult, c.popularity from census c where not exists"
        " (select from sync_item i where i.source = %(source)s and i.movie_id = c.movie_id)"
        " order by c.movie_id on conflict (movie_id, source) do nothing",
        parameters,
    ).rowcount
    connection.exec_driver_sql(
        "update sync_item i set popularity = c.popularity, adult = c.adult, missing_count = 0,"
        " state = case when i.state = 'gone' then 'pending' else i.state end"
        " from census c where i.movie_id = c.movie_id and i.source = %(source)s"
        " and ((i.popularity, i.adult, i.missing_count) is distinct from"
        " (c.popularity, c.adult, 0) or i.state = 'gone')",
        parameters,
    )
    missing = connection.exec_driver_sql(
        "update sync_item i set missing_count = missing_count + 1,"
        " state = case when missing_count + 1 >= %(misses)s then 'pending' else state end,"
        " next_at = case when i.state = 'done' then now() else next_at end"
        " where i.source = %(source)s and i.state in ('done', 'pending')"
        " and (%(with_adult)s or not i.adult)"
        " and not exists (select from census c where c.movie_id = i.movie_id)",
        parameters,
    ).rowcount
    _move_popularity(connection, source)
    return Counted(new, missing)


def _move_popularity(connection: Connection, source: str) -> None:
    """Popularity comes for free with every census; it makes no new version of a movie."""
    connection.exec_driver_sql(
        "update movie m set popularity = c.popularity, updated_at = now() from census c"
        " where m.tmdb_id = c.movie_id and m.source = %(source)s"
        " and m.popularity is distinct from c.popularity",
        {"source": source},
    )
