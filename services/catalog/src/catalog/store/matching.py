"""Finding the movie that somebody's file means."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True)
class Clue:
    """What is known of it: any of these; 0 and '' are unknown."""

    movie_id: int
    imdb_id: str
    title_key: str
    year: int


def match(connection: Connection, clues: Sequence[Clue]) -> list[tuple[int, int]]:
    """Movie id and how many fit equally well, in the order of the clues; no id unless one does.

    An id decides alone. A title matches in its year, or a year off: sources disagree on whether
    a festival counts.
    """
    result = connection.exec_driver_sql(_MATCH, {
        "ids": [clue.movie_id for clue in clues],
        "imdb_ids": [clue.imdb_id for clue in clues],
        "keys": [clue.title_key for clue in clues],
        "years": [clue.year for clue in clues],
    })  # fmt: skip
    found = {row[0]: (row[1] if row[2] == 1 else 0, row[2]) for row in result}
    return [found.get(number, (0, 0)) for number in range(1, len(clues) + 1)]


_MATCH = """
with clue as (
    select * from unnest(%(ids)s::bigint[], %(imdb_ids)s::text[], %(keys)s::text[],
        %(years)s::int[]) with ordinality c (movie_id, imdb_id, key, year, n)
), hit as (
    select c.n, m.tmdb_id, 1 as rank from clue c
        join movie m on m.tmdb_id = c.movie_id where c.movie_id > 0
    union select c.n, m.tmdb_id, 2 from clue c
        join movie m on m.imdb_id = c.imdb_id and m.imdb_id <> '' where c.imdb_id <> ''
    union select c.n, m.tmdb_id, case
            when c.year = 0 or extract(year from m.release_date) = c.year then 3 else 4 end
        from clue c join movie_title t on t.title_key = c.key
        join movie m on m.tmdb_id = t.movie_id and m.removed_at is null
        where c.key <> '' and (c.year = 0
            or abs(extract(year from m.release_date) - c.year) <= 1)
), best as (
    select n, tmdb_id from hit h where rank = (select min(rank) from hit o where o.n = h.n)
)
select n, min(tmdb_id), count(*) from best group by n"""
