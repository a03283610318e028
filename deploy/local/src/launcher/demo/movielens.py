"""MovieLens: a folder of `movies.csv`, `links.csv`, `ratings.csv` and perhaps `tags.csv`.

The layout is GroupLens's own since 2013 (ml-latest*, ml-20m, ml-25m, ml-32m). Only movies with a
TMDb id can be imported, for that is what addresses a movie everywhere; where two MovieLens movies
share one, they are one movie, and a person's later rating of it counts.
"""

import csv
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from launcher.demo.loading import Loader
from launcher.demo.progress import Progress
from launcher.settings import Failure
from marquee.catalog.v1.catalog_pb2 import ImportedMovie
from marquee.interactions.v1.interactions_pb2 import ImportedRating
from marquee.users.v1.users_pb2 import ImportedUser

_TITLE = re.compile(r"^(?P<title>.*?)\s*\((?P<year>\d{4})(?:[-\u2013]\d{0,4})?\)\s*$")
# What stands behind a title in parentheses: "Seven (a.k.a. Se7en)", "Fear (Peur(s))".
_OTHER = re.compile(
    r"^(?P<title>\S.*?)\s*\((?:a\.?k\.?a\.?\s+)?(?P<other>(?:[^()]|\([^()]*\))+)\)$", re.IGNORECASE
)
# "Matrix, The" and "Dolce Vita, La": GroupLens sorts articles behind.
_ARTICLE = re.compile(
    r"^(?P<rest>.*), (?P<article>The|An?|L[ae']|Les|Il|El|Los|Las|D[ae]s|D[ie]e|Der|Une?)$"
)
_NO_GENRES = "(no genres listed)"
_TAGS_AT_MOST = 30
_COLUMNS = {
    "movies.csv": ["movieId", "title", "genres"],
    "links.csv": ["movieId", "imdbId", "tmdbId"],
    "ratings.csv": ["userId", "movieId", "rating", "timestamp"],
    "tags.csv": ["userId", "movieId", "tag", "timestamp"],
}

Row = list[str]


@dataclass
class Dataset:
    """What of a folder can be imported, and what was left out and why."""

    folder: Path
    movies: list[ImportedMovie]
    tmdb_ids: dict[str, int]
    """MovieLens id to TMDb id."""
    user_ids: list[str]
    ratings_count: int
    without_tmdb_id: int
    shared_tmdb_ids: int
    ratings_without_movie: int
    ratings_merged: int

    @property
    def name(self) -> str:
        """Names the very content of the ratings."""
        with (self.folder / "ratings.csv").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def ratings(self, user_ids: dict[str, str]) -> Iterator[ImportedRating]:
        """Ratings in the file's order of people; `user_ids` maps MovieLens ids to ours."""
        for user_id, ratings in _by_user(self.folder, self.tmdb_ids):
            for movie_id, (rated_at, rating) in ratings.items():
                yield ImportedRating(
                    user_id=user_ids[user_id],
                    movie_id=movie_id,
                    rating=rating,
                    rated_at=Timestamp(seconds=rated_at),
                )

    def left_out(self) -> list[str]:
        """A line for each reason."""
        reasons = (
            (self.without_tmdb_id, "movies without a TMDb id"),
            (self.shared_tmdb_ids, "movies whose TMDb id another has already"),
            (self.ratings_without_movie, "ratings of movies without a TMDb id"),
            (self.ratings_merged, "ratings that a person's later one of the same movie replaced"),
        )
        return [f"{count:,} {what}" for count, what in reasons if count]


def read(folder: Path) -> Dataset:
    """What a folder holds; Failure names the file, line and fault of what is not MovieLens."""
    if not folder.is_dir():
        raise Failure(f"MOVIELENS={folder} is not a folder")
    try:
        return _read(folder)
    except (ValueError, UnicodeDecodeError) as error:
        raise Failure(f"{folder} is not a MovieLens folder: {error}") from error


def _read(folder: Path) -> Dataset:
    links = {row[0]: (row[1], row[2]) for row in _rows(folder, "links.csv")}
    tags = _tags(folder)
    tmdb_ids: dict[str, int] = {}
    movies: dict[int, ImportedMovie] = {}
    without = shared = 0
    for movielens_id, name, genres in _rows(folder, "movies.csv"):
        imdb_id, tmdb_id = links.get(movielens_id, ("", ""))
        if not tmdb_id:
            without += 1
            continue
        tmdb_ids[movielens_id] = int(tmdb_id)
        if int(tmdb_id) in movies:
            shared += 1
            continue
        movies[int(tmdb_id)] = _movie(int(tmdb_id), name, genres, imdb_id, tags[movielens_id])
    counted = _count(folder, tmdb_ids)
    return Dataset(
        folder, list(movies.values()), tmdb_ids, *counted[:2], without, shared, *counted[2:]
    )


def load(loader: Loader, dataset: Dataset, progress: Progress) -> int:
    """Import movies, people and ratings; answers how many ratings there are."""
    progress.say(
        f"MovieLens at {dataset.folder.name}: {len(dataset.movies):,} movies, "
        f"{len(dataset.user_ids):,} people, {dataset.ratings_count:,} ratings"
    )
    loader.movies(dataset.movies, progress)
    users = [
        ImportedUser(username=f"movielens-{one}", email=f"movielens-{one}@movielens.example")
        for one in dataset.user_ids
    ]
    user_ids = dict(zip(dataset.user_ids, loader.users(users, progress), strict=True))
    loader.ratings(dataset.name, dataset.ratings(user_ids), dataset.ratings_count, progress)
    return dataset.ratings_count


def _movie(tmdb_id: int, name: str, genres: str, imdb_id: str, tags: Counter[str]) -> ImportedMovie:
    found = _TITLE.match(name)
    title, original_title = titles(found["title"] if found else name.strip())
    return ImportedMovie(
        movie_id=tmdb_id,
        title=title,
        original_title=original_title,
        release_date=found["year"] if found else "",
        genre_names=[] if genres == _NO_GENRES else genres.split("|"),
        imdb_id=f"tt{imdb_id}" if imdb_id else "",
        tags=[tag for tag, _count in tags.most_common(_TAGS_AT_MOST)],
    )


def titles(text: str) -> tuple[str, str]:
    """A title as it is shown, and the first other one in parentheses behind it, or nothing."""
    other = ""
    while (found := _OTHER.match(text)) and not found["title"].lower().endswith(" or"):
        text, other = found["title"], found["other"]
    return _natural(text), _natural(other)


def _natural(title: str) -> str:
    """The title as it is written, its article in front."""
    found = _ARTICLE.match(title)
    if found is None:
        return title
    space = "" if found["article"].endswith("'") else " "
    return f"{found['article']}{space}{found['rest']}"


def _tags(folder: Path) -> defaultdict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    if (folder / "tags.csv").exists():
        for _user_id, movielens_id, tag, _at in _rows(folder, "tags.csv"):
            text = " ".join(tag.lower().split())[:80]
            if text:
                found[movielens_id][text] += 1
    return found


def _count(folder: Path, tmdb_ids: dict[str, int]) -> tuple[list[str], int, int, int]:
    """People, ratings to import, ratings of movies left out, ratings merged."""
    people: dict[str, None] = {}
    rows = known = kept = 0
    for row in _rows(folder, "ratings.csv"):
        rows += 1
        known += row[1] in tmdb_ids
    for user_id, ratings in _by_user(folder, tmdb_ids):
        people[user_id] = None
        kept += len(ratings)
    return list(people), kept, rows - known, known - kept


def _by_user(
    folder: Path, tmdb_ids: dict[str, int]
) -> Iterator[tuple[str, dict[int, tuple[int, float]]]]:
    """Each person's ratings by TMDb id: when, and how many stars."""
    for user_id, rows in groupby(_rows(folder, "ratings.csv"), key=lambda row: row[0]):
        ratings: dict[int, tuple[int, float]] = {}
        for _user_id, movielens_id, rating, timestamp in rows:
            movie_id = tmdb_ids.get(movielens_id)
            if movie_id is None:
                continue
            given = (int(float(timestamp)), float(rating))
            if movie_id not in ratings or given[0] >= ratings[movie_id][0]:
                ratings[movie_id] = given
        if ratings:
            yield user_id, ratings


def _rows(folder: Path, name: str) -> Iterator[Row]:
    """The rows of a CSV file behind its header, each checked for its number of columns."""
    path = folder / name
    columns = _COLUMNS[name]
    if not path.is_file():
        raise Failure(f"{path} is missing: a MovieLens folder has {', '.join(_COLUMNS)}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != columns:
            raise Failure(f"{path} must begin with the columns {','.join(columns)}")
        for row in rows:
            if len(row) != len(columns):
                raise Failure(f"{path} line {rows.line_num} has {len(row)} columns")
            yield row
