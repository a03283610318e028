"""Search that forgives: exact, then prefix, then whole words, then alike by trigrams.

Within a rank the popular come first, except among the merely alike, where likeness does. The
alike are looked for only where the better ranks do not fill a page.
"""

# ruff: noqa: S608 - the names put into these statements are constants; values are bound

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

EXACT, PREFIX, WORDS, ALIKE = 1, 2, 3, 4
_LIKENESS = 0.3

_RANKED = """
select min(h.rank) as rank, 0.0::float8 as likeness, {popularity} as popularity, h.id from (
    select {id} as id, case when {key} = :key then 1 when {key} like :prefix then 2 else 3 end
    as rank from {table} where {key} = :key or {key} like :prefix {words}
) h {join} group by h.id, {popularity}"""
_MATCHES = "({key} = :key or {key} like :prefix {words})"

_MOVIES_JOIN = """join movie m on m.tmdb_id = h.id and m.removed_at is null
    and (:adult or not m.adult) and (m.release_date >= :first_day or :year = 0)
    and (m.release_date <= :last_day or :year = 0)"""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found, and its place in the order."""

    rank: int
    likeness: float
    popularity: float
    id: int


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; `key` as domain.title_key makes it."""

    key: str
    include_adult: bool = True
    year: int = 0

    def parameters(self) -> dict[str, Any]:
        """For the statements below."""
        year = self.year or 1
        escaped = self.key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "key": self.key,
            "prefix": escaped + "%",
            "words": words_query(self.key),
            "adult": self.include_adult,
            "year": self.year,
            "first_day": date(year, 1, 1),
            "last_day": date(year, 12, 31),
            "likeness": _LIKENESS,
        }


def words_query(key: str) -> str:
    """All words, the last one as the beginning of a word: `the dark kn` finds The Dark Knight.

    Only letters and digits are left in a key, so nothing has to be escaped beyond the quotes.
    """
    words = ["'" + word.replace("'", "''").replace("\\", "\\\\") + "'" for word in key.split()]
    return " & ".join(words) + ":*" if words else ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where titles and names are."""

    table: str
    id: str
    key: str
    join: str
    popularity: str


_MOVIES = _Kind("movie_title", "movie_id", "title_key", _MOVIES_JOIN, "m.popularity")
_PEOPLE = _Kind(
    "person", "person_id", "name_key", "join person p on p.person_id = h.id", "p.popularity"
)


def movies(connection: Connection, query: Query, after: Hit | None, limit: int) -> list[Hit]:
    """Movies by any of their titles."""
    return _search(connection, _MOVIES, query, after, limit)


def people(connection: Connection, query: Query, after: Hit | None, limit: int) -> list[Hit]:
    """People by name."""
    return _search(connection, _PEOPLE, query, after, limit)


def _search(
    connection: Connection, kind: _Kind, query: Query, after: Hit | None, limit: int
) -> list[Hit]:
    found: list[Hit] = []
    if after is None or after.rank != ALIKE:
        found = _fetch(connection, _better(kind), query, after, limit)
    if len(found) < limit and len(query.key) > 1:
        last = after if after is not None and after.rank == ALIKE else None
        found += _fetch(connection, _alike(kind), query, last, limit - len(found))
    return found


def _fetch(
    connection: Connection, ranked: str, query: Query, after: Hit | None, limit: int
) -> list[Hit]:
    parameters = {**query.parameters(), "limit": limit}
    beyond = ""
    if after is not None:
        beyond = """where (r.rank, -r.likeness, -r.popularity, r.id)
            > (:after_rank, :after_likeness, :after_popularity, :after_id)"""
        parameters |= {
            "after_rank": after.rank,
            "after_likeness": -after.likeness,
            "after_popularity": -after.popularity,
            "after_id": after.id,
        }
    statement = sa.text(
        f"select r.* from ({ranked}) r {beyond}"
        " order by r.rank, r.likeness desc, r.popularity desc, r.id limit :limit"
    )
    return [Hit(*row) for row in connection.execute(statement, parameters)]


def _words(kind: _Kind) -> str:
    # The movies' table has an index over words; a name is short enough for the other two.
    if kind is _MOVIES:
        return f"or to_tsvector('simple', {kind.key}) @@ to_tsquery('simple', :words)"
    return ""


def _better(kind: _Kind) -> str:
    return _RANKED.format(
        id=kind.id,
        key=kind.key,
        table=kind.table,
        words=_words(kind),
        join=kind.join,
        popularity=kind.popularity,
    )


def _alike(kind: _Kind) -> str:
    matches = _MATCHES.format(key=f"o.{kind.key}", words="")
    if kind is _MOVIES:
        words = f"or to_tsvector('simple', o.{kind.key}) @@ to_tsquery('simple', :words)"
        matches = _MATCHES.format(key=f"o.{kind.key}", words=words)
    alike = f"{kind.key} % :key and similarity({kind.key}, :key) >= :likeness"
    return f"""
select 4 as rank, max(h.likeness) as likeness, {kind.popularity} as popularity, h.id from (
    select {kind.id} as id, similarity({kind.key}, :key)::float8 as likeness
    from {kind.table} where {alike}
) h {kind.join} where not exists (
    select from {kind.table} o where o.{kind.id} = h.id and {matches}
) group by h.id, {kind.popularity}"""
