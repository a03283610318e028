"""Histories, items and contents of movies from CSV files, and ranked lists into one."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recommender.ranking.arrays import Ints
from recommender.ranking.catalogue import Catalogue, catalogue_of, terms_of
from recommender.ranking.signals import Kind, Signals
from recommender.ranking.training import Interactions

_HIGHEST = 5.0
_SEPARATOR = re.compile(r"[|;,]")
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_PEOPLE = ("people", "cast", "actors", "directors", "director", "writers", "crew")
_CSV_FIELD = 10_000_000


class FileWrong(Exception):
    """A file cannot be used; the message says which and why."""


@dataclass
class Numbers:
    """Ids of any kind as numbers in the order they were met."""

    ids: list[str] = field(default_factory=list[str])
    places: dict[str, int] = field(default_factory=dict[str, int])

    def of(self, identifier: str) -> int:
        """The number of an id, a new one if need be."""
        place = self.places.setdefault(identifier, len(self.ids))
        if place == len(self.ids):
            self.ids.append(identifier)
        return place


@dataclass(frozen=True)
class Deeds:
    """Parallel, one entry a line of a history; ratings as written, nan for what is absent."""

    people: Ints
    movies: Ints
    ratings: np.ndarray
    at: np.ndarray

    def __len__(self) -> int:
        return len(self.people)

    def interactions(self, scale: float) -> Interactions:
        """As rated movies, the ratings brought to 0.5..5."""
        signals = Signals(
            movies=self.movies,
            kinds=np.full(len(self), int(Kind.RATING), np.int64),
            ratings=(self.ratings * scale).astype(np.float32),
            at=self.at,
        )
        return Interactions(self.people, signals)


def deeds(path: Path, people: Numbers, movies: Numbers) -> Deeds:
    """A file of user,item,rating,ts, of which rating and ts may be empty or absent."""
    users: list[int] = []
    items: list[int] = []
    ratings: list[float] = []
    at: list[float] = []
    for user, item, rating, moment in columns(path, ("user", "item"), ("rating", "ts")):
        users.append(people.of(user))
        items.append(movies.of(item))
        ratings.append(_number(rating, path, "rating"))
        at.append(_number(moment, path, "ts"))
    return Deeds(
        np.array(users, np.int64),
        np.array(items, np.int64),
        np.array(ratings, np.float64),
        np.array(at, np.float64),
    )


def columns(path: Path, needed: Sequence[str], welcome: Sequence[str] = ()) -> Iterator[list[str]]:
    """The needed and the welcome columns of each line, trimmed; what is absent is empty."""
    csv.field_size_limit(_CSV_FIELD)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        names = [name.strip() for name in next(reader, [])]
        missing = [name for name in needed if name not in names]
        if missing:
            raise FileWrong(f"{path} lacks the column {', '.join(missing)}")
        places = [names.index(name) if name in names else len(names) for name in needed]
        places += [names.index(name) if name in names else -1 for name in welcome]
        for line in reader:
            if line:
                yield [line[at].strip() if 0 <= at < len(line) else "" for at in places]


def _number(text: str, path: Path, name: str) -> float:
    if not text:
        return float("nan")
    try:
        number = float(text)
    except ValueError as error:
        raise FileWrong(f"{path}: {name} {text!r} is not a number") from error
    return number if np.isfinite(number) else float("nan")


def scale_of(*logs: Deeds) -> float:
    """What brings ratings to 0.5..5; nan when they say nothing, being absent or all the same."""
    ratings = np.unique(np.concatenate([log.ratings[~np.isnan(log.ratings)] for log in logs]))
    if len(ratings) < 2:
        return float("nan")
    return _HIGHEST / float(ratings[-1]) if ratings[-1] > _HIGHEST else 1.0


def catalogue_from(movies: Numbers, path: Path | None) -> Catalogue:
    """What is known of each movie; nothing without a file."""
    documents: list[list[str]] = [[] for _ in movies.ids]
    if path is not None:
        welcome = ("title", "genres", "tags", "keywords", "overview", "language", *_PEOPLE)
        for item, *texts in columns(path, ("item",), welcome):
            place = movies.places.get(item)
            if place is not None:
                documents[place] = described(dict(zip(welcome, texts, strict=True)))
    return catalogue_of(range(len(documents)), documents)


def described(row: Mapping[str, str]) -> list[str]:
    """A movie's terms from its texts."""
    title = row.get("title", "")
    year = _YEAR.search(title)
    return terms_of(
        genres=_parts(row.get("genres")),
        keywords=[*_parts(row.get("tags")), *_parts(row.get("keywords"))],
        people=[person for name in _PEOPLE for person in _parts(row.get(name))],
        title=_YEAR.sub("", title),
        overview=row.get("overview", ""),
        year=int(year[1]) if year else None,
        language=row.get("language", ""),
    )


def _parts(text: str | None) -> list[str]:
    return [part.strip().lower() for part in _SEPARATOR.split(text or "") if part.strip()]


def write_lists(
    path: Path, lists: Iterable[tuple[int, Sequence[int]]], people: Numbers, movies: Numbers
) -> None:
    """user,item,rank of every list."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "rank"])
        for person, ranked in lists:
            writer.writerows(
                (people.ids[person], movies.ids[movie], place)
                for place, movie in enumerate(ranked, 1)
            )
