"""The sync: how fast, how cheap, how small, and what a second run over the same data writes."""

from collections.abc import Iterator

from launcher.bench.catalog import standin
from launcher.bench.catalog.floor import floor_milliseconds
from launcher.bench.rows import Row, at_least, at_most
from launcher.bench.spending import Spent
from launcher.bench.world import World
from launcher.suite import STAND_IN

PART = "catalog"
CONTENT = (
    "movie", "movie_genre", "movie_keyword", "movie_title", "translation", "credit", "person",
    "keyword", "collection", "video", "certification", "genre", "title_word", "name_word",
)  # fmt: skip
# The stand-in allows what TMDb does not, and has prepared its answers: the API is not the limit.
UNLIMITED = {"TMDB_RATE": "100000"}
_TIMES_THE_FLOOR = 10


def begin(world: World) -> None:
    """An empty catalogue, and a stand-in in which nothing changes."""
    world.run("catalog", "migrate")
    world.start(STAND_IN, standin.STEADY)


def fill(world: World) -> None:
    """All stages, measured by nobody."""
    begin(world)
    world.run("catalog", "sync", "all", environment=UNLIMITED)


def sync_rows(world: World, size: int) -> Iterator[Row]:
    """A first sync, and a second one over the same data."""
    begin(world)
    yield _time_row("reference data", _synced(world, "reference")[0])
    yield _time_row(f"census of {size:,} movies", _synced(world, "census")[0])
    yield standin.prepare(world, size)
    before = world.cpu_seconds(STAND_IN)
    spent, database_seconds = _synced(world, "backfill")
    answering_seconds = world.cpu_seconds(STAND_IN) - before
    yield _time_row(f"backfill of {size:,} movies", spent)
    yield at_least(PART, "movies written a second", size / spent.seconds, 1000, "/s")
    each = (spent.cpu_seconds + database_seconds) / size * 1000
    yield at_most(PART, "CPU a movie, client and PostgreSQL", each, 0.6, "ms")
    yield Row(PART, "CPU a movie, the stand-in", f"{answering_seconds / size * 1000:.3f} ms")
    yield standin.prepared_row(world, size)
    yield _floor_row(each, floor_milliseconds(world, size))
    yield at_most(PART, "resident memory of the sync", spent.peak_bytes / 1e6, 250, "MB")
    (database_bytes,) = world.query("catalog", "select pg_database_size(current_database())")
    yield Row(PART, "database", f"{database_bytes / 1e6:,.0f} MB")
    yield from _repeat_rows(world, size)


def _floor_row(each: float, floor: float) -> Row:
    ratio = each / floor
    return Row(
        PART,
        "the same rows by COPY, into tables with keys alone",
        f"{floor:.2f} ms",
        f"{ratio:.1f}x",
        f"at most {_TIMES_THE_FLOOR:g}x of that a movie",
        met=ratio <= _TIMES_THE_FLOOR,
    )


def _repeat_rows(world: World, size: int) -> Iterator[Row]:
    before, wal_before = _newest_change(world), _wal_bytes(world)
    spent, _ = _synced(world, "refresh", "--older-than-days", "-1")
    yield _time_row("the same movies again", spent)
    changed = sum(
        world.query("catalog", f"select count(*) from {table} where updated_at > %s", before)[0]  # noqa: S608 - names of ours
        for table in CONTENT
    )
    yield at_most(PART, "content rows a second run changes", changed, 0, "")
    wal = (_wal_bytes(world) - wal_before) / size
    yield at_most(PART, "WAL a movie of a second run", wal, 1024, "bytes")


def _synced(world: World, stage: str, *arguments: str) -> tuple[Spent, float]:
    before = world.cpu_seconds("postgres")
    spent = world.run("catalog", "sync", stage, *arguments, environment=UNLIMITED)
    return spent, world.cpu_seconds("postgres") - before


def _time_row(what: str, spent: Spent) -> Row:
    return Row(PART, what, f"{spent.seconds:.1f} s")


def _newest_change(world: World) -> object:
    return world.query("catalog", "select clock_timestamp()")[0]


def _wal_bytes(world: World) -> int:
    return int(world.query("catalog", "select pg_current_wal_insert_lsn() - '0/0'")[0])
