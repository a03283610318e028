"""A large catalogue within minutes: synced movies multiplied in the database.

A copy differs from what it was made of as far as reading can tell: it has its own place in the
order of popularity, its own votes, rating, date and titles, and people of its own. What goes
together (short movies are little known ones) goes together still.
"""

# ruff: noqa: S608 - the names put into these statements are constants of ours

from launcher.bench.catalog.syncing import fill
from launcher.bench.world import World

SYNCED = 20_000
"""Movies that are really synced; the others are made of them."""

_APART = 1_000_000_000
"""Between the ids of a person and of their first copy."""
_KEYS = {
    "person": "person_id", "movie": "tmdb_id", "movie_genre": "movie_id",
    "movie_keyword": "movie_id", "movie_title": "movie_id", "translation": "movie_id",
    "video": "movie_id", "certification": "movie_id", "credit": "movie_id",
    "sync_item": "movie_id",
}  # fmt: skip
_PREPARED = """
create unlogged table ending as
    select kind, number, word from (
        select kind, word, row_number() over (partition by kind) - 1 as number from (
            select case when title_key ~ '^[ -~]*$' then 'title' else 'foreign' end as kind,
                (regexp_match(title_key, '[^ ]+$'))[1] as word from movie_title
            union all select 'name', (regexp_match(name, '[^ ]+$'))[1] from person
        ) words
    ) numbered where number < 4096;
create unique index on ending (kind, number) include (word);
create unlogged table original as
    select tmdb_id as movie_id, row_number() over (order by popularity desc) - 1 as rank from movie;
create unique index on original (movie_id) include (rank);
analyze ending, original
"""
_RANK = "(select rank from original o where o.movie_id = t.tmdb_id)"
_SPREAD = "(hashint8extended(t.tmdb_id, {copy}) & 1023)"
"""Of a movie and copy, from 0 to 1023."""


def _renamed(text: str, kind: str) -> str:
    """A text with another last word, for one text and copy always the same."""
    return (
        f"regexp_replace({text}, '[^ ]+$', (select word from ending e where e.kind = {kind}"
        f" and number = (hashtextextended({text}, {{copy}}) & 4095)))"
    )


_KIND = "case when t.title_key ~ '^[ -~]*$' then 'title' else 'foreign' end"
_NAME = _renamed("t.name", "'name'")
_TITLE = _renamed("t.title_key", "'title'")
_CHANGED = {
    "person": {"name": _NAME, "name_key": f"lower({_NAME})"},
    "movie_title": {"title_key": _renamed("t.title_key", _KIND)},
    "movie": {
        "title": f"initcap({_TITLE})",
        "title_key": _TITLE,
        # As the stand-in has it at that rank of so many.
        "popularity": f"900 / ({_RANK} * {{times}} + {{copy}} + 3) ^ 0.62 + 0.05",
        "vote_count": f"(t.vote_count * ((40.0 + {_RANK})"
        f" / (40.0 + {_RANK} * {{times}} + {{copy}})) ^ 0.85)::bigint",
        "vote_average": "case when t.vote_average > 0 then least(greatest("
        f"t.vote_average + ({_SPREAD} - 512) / 2000.0, 1), 9.8) else 0 end",
        "release_date": f"t.release_date + (({_SPREAD} - 512) / 2)::integer",
        "collection_id": "null",
    },
}


def multiply(world: World, size: int) -> None:
    """A catalogue of `size` movies, a multiple of `SYNCED`; one that has them is left as it is."""
    world.run("catalog", "migrate")
    if world.query("catalog", "select count(*) from movie")[0] == size:
        return
    fill(world)
    times = size // SYNCED
    indexes = world.queries(
        "catalog",
        "select indexname, indexdef from pg_indexes i where tablename = any(%s) and not exists"
        " (select from pg_constraint c where c.conname = i.indexname)",
        list(_KEYS),
    )
    world.execute("catalog", _PREPARED)
    for name, _ in indexes:
        world.execute("catalog", f"drop index {name}")
    for table in _KEYS:
        columns = [name for (name,) in world.queries("catalog", _COLUMNS, table)]
        for copy in range(1, times):
            world.execute("catalog", _copied(table, columns, copy, times))
    world.execute("catalog", _reranked(times))
    for _, definition in indexes:
        world.execute("catalog", definition)
    world.execute("catalog", "drop table ending, original")
    world.vacuum("catalog")


_COLUMNS = """select column_name from information_schema.columns
    where table_name = %s and is_identity = 'NO' order by ordinal_position"""


def _copied(table: str, columns: list[str], copy: int, times: int) -> str:
    key = _KEYS[table]
    changed = {
        "person_id": f"t.person_id + {copy * _APART}",
        "movie_id": f"t.movie_id + {copy * SYNCED}",
        "tmdb_id": f"t.tmdb_id + {copy * SYNCED}",
        **_CHANGED.get(table, {}),
    }
    values = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    last = _APART if table == "person" else "(select max(movie_id) from original)"
    return (
        f"insert into {table} ({', '.join(columns)})"
        f" select {values.format(copy=copy, times=times)} from {table} t"
        f" where t.{key} <= {last} order by t.{key} on conflict do nothing"
    )


def _reranked(times: int) -> str:
    """What was copied gives way to its copies."""
    changed = ", ".join(
        f"{name} = {_CHANGED['movie'][name]}" for name in ("popularity", "vote_count")
    )
    own = "t.tmdb_id <= (select max(movie_id) from original)"
    return f"update movie t set {changed} where {own}".format(copy=0, times=times)
