"""Made-up people and movies put into the recommender's replicas, as its events would."""

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import numpy as np

from launcher.bench.recommender import synthetic
from launcher.bench.recommender.synthetic import Ratings
from launcher.bench.world import World

_ROWS_AT_ONCE = 50_000
_WORDS, _PEOPLE, _KEYWORDS = 50_000, 400_000, 20_000
_MOVIE_COLUMNS = (
    "movie_id, version, title, original_language, release_date, genre_ids, keyword_ids, person_ids,"
    " terms, popularity, vote_average, vote_count, runtime_minutes, adult"
)
_INTERACTION_COLUMNS = "user_id, movie_id, kind, sequence, deleted, rating, occurred_at"


def fill(here: World, people_count: int, movie_count: int, count: int) -> int:
    """Movies, then about `count` ratings; how many they are."""
    _copy(here, f"movie_feature ({_MOVIE_COLUMNS})", _movies(movie_count))
    until = int(datetime.now(UTC).timestamp())
    made = synthetic.ratings(people_count, movie_count, count, until=until)
    _copy(here, f"interaction ({_INTERACTION_COLUMNS})", _interactions(made))
    here.execute("recommender", "analyze")
    return len(made.people)


def person_id(number: int) -> UUID:
    """The id of a made-up person, spread over all ids there are."""
    return UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


def _copy(here: World, target: str, lines: Iterator[str]) -> None:
    while piece := list(islice(lines, _ROWS_AT_ONCE)):
        here.copy("recommender", f"copy {target} from stdin", io.StringIO("".join(piece)))


def _movies(count: int) -> Iterator[str]:
    rng = np.random.default_rng(17)
    for first in range(1, count + 1, _ROWS_AT_ONCE):
        size = min(_ROWS_AT_ONCE, count + 1 - first)
        # Words, people and keywords by power laws, as in any text and any cast.
        words = (rng.random((size, 14)) ** 4 * _WORDS).astype(int).tolist()
        cast = (rng.random((size, 4)) ** 2 * _PEOPLE).astype(int).tolist()
        keywords = (rng.random((size, 3)) ** 3 * _KEYWORDS).astype(int).tolist()
        years = rng.integers(1930, 2026, size).tolist()
        for row, movie_id in enumerate(range(first, first + size)):
            yield _movie(movie_id, years[row], words[row], cast[row], keywords[row])


def _movie(movie_id: int, year: int, words: list[int], cast: list[int], keywords: list[int]) -> str:
    genres = synthetic.genres_of(movie_id)
    terms = [
        *(f"g:{one}" for one in genres), *(f"k:{one}" for one in keywords),
        *(f"p:{one + 1}" for one in cast), *(f"o:word{one}" for one in words),
        f"y:{year // 5}", "l:en",
    ]  # fmt: skip
    cells = (
        movie_id, 1, f"Movie {movie_id}", "en", f"{year}-05-01", _array(genres), _array(keywords),
        _array(one + 1 for one in cast), _array(terms), movie_id % 97 / 10, 6.5, 100, 100, "f",
    )  # fmt: skip
    return "\t".join(map(str, cells)) + "\n"


def _array(values: Iterable[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _interactions(made: Ratings) -> Iterator[str]:
    ends = np.flatnonzero(np.diff(made.people, append=-1)) + 1
    start = 0
    for end in ends.tolist():
        user_id = person_id(int(made.people[start]))
        moments = np.datetime_as_string(made.at[start:end].astype("datetime64[s]")).tolist()
        rows = zip(made.movies[start:end].tolist(), made.halves[start:end].tolist(), moments,
                   strict=True)  # fmt: skip
        for sequence, (movie_id, halves, moment) in enumerate(rows, 1):
            yield f"{user_id}\t{movie_id}\t0\t{sequence}\tf\t{halves / 2}\t{moment}Z\n"
        start = end
