"""Many rows at once: COPY, and COPY into a temporary table with only the difference written."""

# ruff: noqa: S608 - the names put into these statements are constants; values are bound

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import psycopg2
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

Row = Sequence[Any]

_COPIED_AT_ONCE = 1 << 20
_FORMAT = "format csv, null 'null', escape '\\'"
_CONTROL = re.compile(rb"\\[bfnrtu]")
"""An escaped control, or an escaped backslash before one of these letters."""


def copy(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    into: str = "",
) -> None:
    """Append rows to a table, or to another of the same shape."""
    copy_packed(connection, into or table.name, columns, packed(rows))


def stage(
    connection: Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]
) -> str:
    """Rows in a temporary table shaped like `table`; answers its name. Empty again at commit."""
    name = f"incoming_{table.name}_{len(columns)}"
    named = ", ".join(columns)
    connection.exec_driver_sql(
        f"create temp table if not exists {name} on commit delete rows"
        f" as select {named} from {table.name} with no data; delete from {name}"
    )
    copy_packed(connection, name, columns, packed(rows))
    return name


def merge(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    key: Sequence[str],
    rows: Sequence[Row],
) -> int:
    """Insert what is new, update what differs, leave the rest untouched; answers how many."""
    if not rows:
        return 0
    return _upsert(connection, table, columns, key, stage(connection, table, columns, rows))


def merge_children(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    key: Sequence[str],
    movie_ids: Sequence[int],
    rows: Sequence[Row],
) -> None:
    """Make `rows` all that these movies have in `table`, writing only the difference."""
    name = stage(connection, table, columns, rows)
    connection.exec_driver_sql(
        f"delete from {table.name} c where c.movie_id = any(%(ids)s) and not exists"
        f" (select from {name} i where {_equal('i', 'c', key)})",
        {"ids": list(movie_ids)},
    )
    _upsert(connection, table, columns, key, name)


def _upsert(
    connection: Connection, table: sa.Table, columns: Sequence[str], key: Sequence[str], name: str
) -> int:
    values = [column for column in columns if column not in key]
    listed = ", ".join(columns)
    # Filtered before the insert: a conflict that changes nothing would still lock the row.
    differs = f" or {_distinct('t', 'i', values)}" if values else ""
    then = "nothing"
    if values:
        settings = ", ".join(f"{column} = excluded.{column}" for column in values)
        then = f"update set {settings}, updated_at = now()"
    result = connection.exec_driver_sql(
        f"insert into {table.name} ({listed})"
        f" select {', '.join('i.' + column for column in columns)} from {name} i"
        f" left join {table.name} t on {_equal('i', 't', key)}"
        f" where t.{key[0]} is null{differs}"
        f" order by {', '.join('i.' + column for column in key)}"
        f" on conflict ({', '.join(key)}) do {then}"
    )
    return result.rowcount


def packed(rows: Sequence[Row]) -> bytes:
    """Rows as COPY reads them: CSV, which nothing writes faster than a writer of JSON.

    What JSON says of a row is CSV with a backslash for escapes, but for control characters: rows
    that hold any are written by hand.
    """
    lines = [orjson.dumps(row)[1:-1] for row in rows]
    text = b"\n".join(lines)
    if b"\\" in text and _CONTROL.search(text):
        return b"\n".join(
            [
                _by_hand(row) if _CONTROL.search(line) else line
                for row, line in zip(rows, lines, strict=True)
            ]
        )
    return text


def _by_hand(row: Row) -> bytes:
    fields = [
        "null"
        if field is None
        else str(field)
        if isinstance(field, int | float)
        else _quoted(str(field))
        for field in row
    ]
    return ",".join(fields).encode()


def array(values: Iterable[str | None]) -> str:
    """An array literal, which is read far faster than ARRAY[...]; codes from outside may hold
    anything, so each is quoted."""
    return "{" + ",".join("null" if value is None else _quoted(value) for value in values) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def copy_packed(connection: Connection, name: str, columns: Sequence[str], text: bytes) -> None:
    """Append rows that are packed already."""
    statement = f"copy {name} ({', '.join(columns)}) from stdin with ({_FORMAT})"
    try:
        cursor: Any = connection.connection.cursor()
        cursor.copy_expert(statement, io.BytesIO(text), size=_COPIED_AT_ONCE)
        cursor.close()
    except psycopg2.Error as error:
        # COPY goes around SQLAlchemy: give its errors the form all others have.
        raise exc.DBAPIError.instance(
            statement, None, error, psycopg2.Error, dialect=connection.dialect
        ) from error


def _equal(left: str, right: str, columns: Sequence[str]) -> str:
    return " and ".join(f"{left}.{column} = {right}.{column}" for column in columns)


def _distinct(left: str, right: str, columns: Sequence[str]) -> str:
    return (
        f"({', '.join(f'{left}.{column}' for column in columns)}) is distinct from"
        f" ({', '.join(f'{right}.{column}' for column in columns)})"
    )
