"""Search that forgives: exact, then prefix, then whole words, then words that are nearly those.

Within a rank the popular come first, except among the merely alike, where likeness does. The
alike are looked for only where the better ranks do not fill a page.

A misspelt word is looked up among all words there are, of which there are far fewer than titles:
by what is left of it when letters are left out (Garbe's symmetric deletion), and by trigrams for
long words. The titles with the words so found are then compared with the whole query.
"""

# ruff: noqa: S608 - the names put into these statements are constants; values are bound

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.domain.titles import WORD_LENGTH, nearest_words, without_letters

EXACT, PREFIX, WORDS, ALIKE = 1, 2, 3, 4
_LIKENESS = 0.3
_WORDS_LOOKED_UP = 8
_NEAR_WORDS = 400
_ALTERNATIVES = 8
_HALVES_TRIED = 3
_COMPARED = 1000
_MANY = 5000

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
            "compared": _COMPARED,
        }


def words_query(key: str) -> str:
    """All words, the last one as the beginning of a word: `the dark kn` finds The Dark Knight."""
    words = [_quoted(word) for word in key.split()]
    return " & ".join(words) + ":*" if words else ""


def _quoted(word: str) -> str:
    # Only letters and digits are left in a key, so nothing has to be escaped beyond the quotes.
    return "'" + word.replace("'", "''").replace("\\", "\\\\") + "'"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table with keys, the table of their words, and what tells of their popularity."""

    table: str
    id: str
    key: str
    words: str
    join: str
    popularity: str


_MOVIES = _Kind("movie_title", "movie_id", "title_key", "title_word", _MOVIES_JOIN, "m.popularity")
_PEOPLE = _Kind(
    "person", "person_id", "name_key", "name_word", "join person p on p.person_id = h.id",
    "p.popularity",
)  # fmt: skip

_TEXT = "to_tsvector('simple', {key}) @@ to_tsquery('simple', :{words})"
_MATCHES = {
    EXACT: "{key} = :key",
    PREFIX: "{key} like :prefix",
    WORDS: _TEXT.replace("{words}", "words"),
}
_BEFORE = {EXACT: (), PREFIX: (EXACT,), WORDS: (EXACT, PREFIX), ALIKE: (EXACT, PREFIX, WORDS)}

_RANKED = """
select {rank} as rank, 0.0::float8 as likeness, {popularity} as popularity, h.id from (
    select distinct {id} as id from {table} where {matches}
) h {join} where {not_better}"""
_HOW_MANY = "select count(*) from (select from {table} where {matches} limit :many) f"
# Where thousands match, the popular ones are looked at one by one instead: soon there are enough.
_POPULAR = """
select {rank} as rank, 0.0::float8 as likeness, m.popularity, m.tmdb_id as id from movie m
    cross join lateral (
        select from movie_title where movie_id = m.tmdb_id and {matches} limit 1
    ) t
    where m.removed_at is null and (:adult or not m.adult) and not exists (
        select from movie_title where movie_id = m.tmdb_id and ({better}))"""
_ALIKE = """
with found as materialized (
    select {id} as id, {key} as key from {table} where {matches} limit :compared
), likened as materialized (
    select d.key, similarity(d.key, :meant)::float8 as likeness
    from (select distinct key from found) d
)
select {rank} as rank, max(h.likeness) as likeness, {popularity} as popularity, h.id from (
    select f.id, l.likeness from found f join likened l using (key) where l.likeness >= :likeness
) h {join} where {not_better} group by h.id, {popularity}"""


def movies(connection: Connection, query: Query, after: Hit | None, limit: int) -> list[Hit]:
    """Movies by any of their titles."""
    return _search(connection, _MOVIES, query, after, limit)


def people(connection: Connection, query: Query, after: Hit | None, limit: int) -> list[Hit]:
    """People by name."""
    return _search(connection, _PEOPLE, query, after, limit)


def _search(
    connection: Connection, kind: _Kind, query: Query, after: Hit | None, limit: int
) -> list[Hit]:
    """Rank by rank, so that what fills a page by its beginning costs no more than that."""
    found: list[Hit] = []
    parameters: dict[str, Any] = {**query.parameters(), "many": _MANY}
    for rank in (EXACT, PREFIX, WORDS, ALIKE):
        if len(found) == limit or (after is not None and after.rank > rank):
            continue
        last = after if after is not None and after.rank == rank else None
        if rank == ALIKE:
            found += _the_alike(connection, kind, query.key, parameters, last, limit - len(found))
        elif ranked := _statement(connection, kind, query, rank, parameters):
            found += _fetch(connection, ranked, parameters, last, limit - len(found))
    return found


def _statement(
    connection: Connection, kind: _Kind, query: Query, rank: int, parameters: dict[str, Any]
) -> str:
    """What finds a rank; '' when nothing can."""
    if rank == WORDS and not _all_known(connection, kind, query.key.split()[:-1]):
        return ""
    matches = _MATCHES[rank]
    if kind is _MOVIES and rank != EXACT and not query.year:
        counting = sa.text(_filled(_HOW_MANY, kind, rank, matches))
        if connection.execute(counting, parameters).scalar_one() == _MANY:
            return _filled(_POPULAR, kind, rank, matches)
    return _filled(_RANKED, kind, rank, matches)


def _all_known(connection: Connection, kind: _Kind, words: Sequence[str]) -> bool:
    """Whether all of these are words of titles; the longest are remembered by nobody."""
    asked = {word for word in words if len(word) <= WORD_LENGTH}
    return not asked or len(_known(connection, kind, asked)) == len(asked)


def _known(connection: Connection, kind: _Kind, words: Iterable[str]) -> set[str]:
    return set(connection.execute(_KNOWN[kind.words], {"words": list(words)}).scalars())


def _the_alike(
    connection: Connection,
    kind: _Kind,
    key: str,
    parameters: dict[str, Any],
    after: Hit | None,
    limit: int,
) -> list[Hit]:
    """By all the words that may be meant; if nothing alike has all, by all but any one of them."""
    alternatives, meant = _alike(connection, kind, key)
    ranked = _filled(_ALIKE, kind, ALIKE, _TEXT.replace("{words}", "alike"))
    for alike in alternatives:
        asked = {**parameters, "alike": alike, "meant": meant}
        found = _fetch(connection, ranked, asked, after, limit)
        if found or (after is not None and _fetch(connection, ranked, asked, None, 1)):
            return found
    return []


def _filled(template: str, kind: _Kind, rank: int, matches: str) -> str:
    better = " or ".join(_MATCHES[one] for one in _BEFORE[rank]).format(key=kind.key) or "false"
    return template.format(
        rank=rank,
        id=kind.id,
        key=kind.key,
        table=kind.table,
        join=kind.join,
        popularity=kind.popularity,
        matches=matches.format(key=kind.key),
        better=better,
        not_better=f"h.id not in (select {kind.id} from {kind.table} where {better})",
    )


def _fetch(
    connection: Connection,
    ranked: str,
    parameters: dict[str, Any],
    after: Hit | None,
    limit: int,
) -> list[Hit]:
    parameters = {**parameters, "limit": limit}
    beyond = ""
    if after is not None:
        beyond = """where (r.likeness, r.popularity, r.id)
            < (:after_likeness, :after_popularity, :after_id)"""
        parameters |= {
            "after_likeness": after.likeness,
            "after_popularity": after.popularity,
            "after_id": after.id,
        }
    statement = sa.text(
        f"select r.* from ({ranked}) r {beyond}"
        " order by r.likeness desc, r.popularity desc, r.id desc limit :limit"
    )
    return [Hit(*row) for row in connection.execute(statement, parameters)]


def _alike(connection: Connection, kind: _Kind, key: str) -> tuple[list[str], str]:
    """Text queries with the words that the words of a key may have been meant to be, the strictest
    first; and the key that most likely was meant. A word like no other is left out.
    """
    words = key.split()[:_WORDS_LOOKED_UP]
    near = [_near(connection, kind, word) for word in words]
    meant = " ".join(found[0] if found else word for word, found in zip(words, near, strict=True))
    choices = [_quoted_all(found) or _halves(connection, kind, word)
               for word, found in zip(words, near, strict=True)]  # fmt: skip
    choices[-1:] = [[*one, _quoted(words[-1]) + ":*"] for one in choices[-1:]]
    parts = [f"({' | '.join(one)})" for one in choices if one]
    if len(parts) <= 2:
        return [" & ".join(parts)] if parts else [], meant
    without_one = (
        " & ".join(parts[:left_out] + parts[left_out + 1 :]) for left_out in range(len(parts))
    )
    return [" & ".join(parts), " | ".join(f"({some})" for some in without_one)], meant


def _near(connection: Connection, kind: _Kind, word: str) -> list[str]:
    """Words that this one may have been meant to be, the nearest first."""
    parameters = {"near": without_letters(word), "word": word, "limit": _NEAR_WORDS}
    near = connection.execute(_NEAR[kind.words], parameters).scalars()
    return nearest_words(word, near, _ALTERNATIVES)


def _quoted_all(words: list[str]) -> list[str]:
    return [_quoted(word) for word in words]


def _halves(connection: Connection, kind: _Kind, word: str) -> list[str]:
    """Two words that were written as one, of which one may be misspelt too."""
    pairs = [(word[:at], word[at:]) for at in range(1, len(word))]
    halves = {half for pair in pairs for half in pair}
    known = _known(connection, kind, halves)
    # The more of it is known, the likelier the other half is what is left.
    pairs.sort(key=lambda pair: -sum(len(half) for half in pair if half in known))
    found: list[str] = []
    for first, second in pairs[:_HALVES_TRIED]:
        if first in known or second in known:
            sides = [
                _quoted_all([half] if half in known else _near(connection, kind, half))
                for half in (first, second)
            ]
            found += [f"({left} & {right})" for left in sides[0] for right in sides[1]]
    return found[:_ALTERNATIVES]


def _for_words(statement: str) -> dict[str, sa.TextClause]:
    return {name: sa.text(statement.format(name)) for name in ("title_word", "name_word")}


_NEAR = _for_words(
    "select word from {} where (near && cast(:near as text[])"
    " or (length(:word) > 5 and word % :word))"
    " and length(word) between length(:word) - 2 and length(:word) + 2 limit :limit"
)
_KNOWN = _for_words("select word from {} where word = any(:words)")
