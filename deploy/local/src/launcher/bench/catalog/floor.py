"""The least that movies can cost: the same rows by COPY, into tables with keys alone."""

# ruff: noqa: S608 - the names put into these statements are constants of ours

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from launcher.bench.world import World

_SAMPLE = 30_000
_TIMES = 3
_KEYS = {
    "movie": "tmdb_id", "movie_genre": "movie_id", "movie_keyword": "movie_id",
    "movie_title": "movie_id", "credit": "movie_id", "video": "movie_id",
    "certification": "movie_id", "translation": "movie_id", "person": "person_id",
}  # fmt: skip
_COLUMNS = """select string_agg(column_name, ', ' order by ordinal_position)
    from information_schema.columns where table_schema = 'public' and table_name = %s
    and is_identity = 'NO' and column_name not in ('created_at', 'updated_at')"""
_KEY = """select pg_get_constraintdef(oid) from pg_constraint
    where contype = 'p' and conrelid = %s::regclass"""


@dataclass(frozen=True, slots=True)
class _Rows:
    columns: str
    key: str
    text: bytes


def floor_milliseconds(world: World, size: int) -> float:
    """CPU a movie, PostgreSQL's and ours, for the rows of the catalogue's first movies.

    People are shared by movies, so as many are taken as come with so many movies.
    """
    count = min(size, _SAMPLE)
    rows = {table: _rows(world, table, count) for table in _KEYS}
    return median(_seconds(world, rows) for _ in range(_TIMES)) / count * 1000


def _rows(world: World, table: str, count: int) -> _Rows:
    (columns,) = world.query("catalog", _COLUMNS, table)
    (key,) = world.query("catalog", _KEY, table)
    movies = f"(select tmdb_id from movie order by tmdb_id limit {count})"
    which = f"where {_KEYS[table]} <= (select max(tmdb_id) from {movies} first) order by 1"
    if table == "person":
        share = f"(select count(*) * {count} / (select count(*) from movie) from person)"
        which = f"order by created_at, 1 limit {share}"
    copied = io.BytesIO()
    world.copy("catalog", f"copy (select {columns} from {table} {which}) to stdout", copied)
    return _Rows(columns, key, copied.getvalue())


def _seconds(world: World, rows: Mapping[str, _Rows]) -> float:
    made = "; ".join(
        f"create table floor.{table} (like {table} including defaults including identity);"
        f" alter table floor.{table} add {one.key}"
        for table, one in rows.items()
    )
    world.execute("catalog", f"create schema floor; {made}")
    before = world.cpu_seconds("postgres") + time.process_time()
    for table, one in rows.items():
        statement = f"copy floor.{table} ({one.columns}) from stdin"
        world.copy("catalog", statement, io.BytesIO(one.text))
    spent = world.cpu_seconds("postgres") + time.process_time() - before
    world.execute("catalog", "drop schema floor cascade")
    return spent
