"""Histories, items and contents of movies from CSV files, and ranked lists into one.

Read as files come: with or without a byte order mark, by any kind of line end, columns in any order
and more of them than are asked for.
"""

import csv
import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.ranking.arrays import Ints
from recommender.ranking.catalogue import Catalogue, catalogue_of, terms_of
from recommender.ranking.signals import Kind, Signals
from recommender.ranking.training import Interactions

COLUMNS = ("user", "item", "rating", "ts")
_HIGHEST = 5.0
# The usual scales end here: a log in which nobody gave the best is still of one of them.
_SCALES = (1.0, 5.0, 10.0, 100.0)
# No moment in seconds is so large, none of ours in thousandths so small; and so on.
_FRACTIONS = ((1e11, 1e3), (1e14, 1e6), (1e17, 1e9))
_SEPARATOR = re.compile(r"[|;,]")
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_PEOPLE = ("people", "cast", "actors", "directors", "director", "writers", "crew")
_CSV_FIELD = 10_000_000
# How other tools write whole numbers of a column in which some were missing.
_WHOLE = re.compile(r"([+-]?\d+)\.0+")


class FileWrong(Exception):
    """A file cannot be used; the message says which and why."""


@dataclass
class Numbers:
    """Ids of any kind as numbers in the order they were met."""

    ids: list[str] = field(default_factory=list[str])
    places: dict[str, int] = field(default_factory=dict[str, int])

    def of(self, identifier: str) -> int:
        """The number of an id, a new one if need be; 7.0 is 7."""
        place = self.places.get(identifier)
        if place is not None:
            return place
        identifier = _canonical(identifier)
        place = self.places.setdefault(identifier, len(self.ids))
        if place == len(self.ids):
            self.ids.append(identifier)
        return place

    def known(self, identifier: str) -> int | None:
        """The number of an id that was met already."""
        return self.places.get(_canonical(identifier))


def _canonical(identifier: str) -> str:
    whole = _WHOLE.fullmatch(identifier)
    return whole[1] if whole else identifier


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


class Line(NamedTuple):
    """The asked-for cells of a line, trimmed, and where it stands."""

    path: Path
    number: int
    cells: Sequence[str]

    def wrong(self, what: str) -> FileWrong:
        """What is wrong with it."""
        return FileWrong(f"{self.path}, line {self.number}: {what}")


def deeds(
    path: Path, people: Numbers, movies: Numbers, names: Sequence[str] = COLUMNS, needed: int = 2
) -> Deeds:
    """A file of user, item, rating and moment, of which only the first columns are needed; rating
    and moment may be empty.

    Of several lines of one person and movie the latest counts, of equally late ones the last; a
    line without a moment is before those with one.
    """
    who, what, stars, moments = array("q"), array("q"), array("d"), array("d")
    for line in lines(path, names[:needed], names[needed:]):
        user, item, rating, moment = zip(names, line.cells, strict=True)
        who.append(people.of(_given(line, *user)))
        what.append(movies.of(_given(line, *item)))
        stars.append(_number(line, *rating, float))
        moments.append(_number(line, *moment, _moment))
    people_there, movies_there = (np.frombuffer(each, np.int64) for each in (who, what))
    ratings, at = (np.frombuffer(each, np.float64) for each in (stars, moments))
    told = Deeds(people_there, movies_there, ratings, _seconds(at))
    kept = _latest(told)
    return Deeds(told.people[kept], told.movies[kept], told.ratings[kept], told.at[kept])


def _latest(told: Deeds) -> Ints:
    """Which lines count, one a person and movie, in the order in which these came up."""
    if not len(told):
        return np.empty(0, np.int64)
    pairs = told.people * (told.movies.max() + 1) + told.movies
    order = np.lexsort((np.where(np.isnan(told.at), -np.inf, told.at), pairs))
    pairs = pairs[order]
    starts = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1]))
    last = order[np.append(starts[1:], len(order)) - 1]
    return last[np.argsort(np.minimum.reduceat(order, starts))]


def columns(path: Path, needed: Sequence[str], welcome: Sequence[str] = ()) -> Iterator[list[str]]:
    """The cells of each line."""
    for line in lines(path, needed, welcome):
        yield list(line.cells)


def ids(path: Path, name: str, numbers: Numbers) -> list[int]:
    """The numbers of a column of ids."""
    return [numbers.of(_given(line, name, line.cells[0])) for line in lines(path, (name,))]


def lines(path: Path, needed: Sequence[str], welcome: Sequence[str] = ()) -> Iterator[Line]:
    """The needed and the welcome columns of each line; what is absent is empty."""
    csv.field_size_limit(_CSV_FIELD)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        try:
            places = _places(path, next(reader, None), needed, welcome)
            for row in reader:
                if row:
                    cells = [row[at].strip() if 0 <= at < len(row) else "" for at in places]
                    yield Line(path, reader.line_num, cells)
        except (csv.Error, UnicodeDecodeError) as error:
            raise FileWrong(f"{path}, after line {reader.line_num}: {error}") from error


def _places(
    path: Path, head: Sequence[str] | None, needed: Sequence[str], welcome: Sequence[str]
) -> list[int]:
    if head is None:
        raise FileWrong(f"{path} is empty: its first line has to name the columns")
    names = [name.strip().lower() for name in head]
    missing = [name for name in needed if name.lower() not in names]
    if missing:
        raise FileWrong(f"{path}, line 1: lacks the column {', '.join(missing)}")
    wanted = [name.lower() for name in (*needed, *welcome)]
    return [names.index(name) if name in names else -1 for name in wanted]


def _given(line: Line, name: str, text: str) -> str:
    if not text:
        raise line.wrong(f"{name} is empty")
    return text


def _number(line: Line, name: str, text: str, read: Callable[[str], float]) -> float:
    if not text:
        return float("nan")
    try:
        number = read(text)
    except (ValueError, OverflowError) as error:
        raise line.wrong(f"{name} {text[:40]!r} is not a number") from error
    return number if math.isfinite(number) else float("nan")


def _moment(text: str) -> float:
    """A number, or a moment as ISO 8601 has it (of UTC, where it does not say)."""
    try:
        return float(text)
    except ValueError:
        told = datetime.fromisoformat(text)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _seconds(moments: np.ndarray) -> np.ndarray:
    """Moments in seconds, from seconds, thousandths, millionths or billionths."""
    sizes, seconds = np.abs(moments), moments.copy()
    for least, parts in _FRACTIONS:
        seconds[sizes >= least] = moments[sizes >= least] / parts
    return seconds


def scale_of(*logs: Deeds) -> float:
    """What brings ratings to 0.5..5; nan when they say nothing, being absent or all the same."""
    ratings = np.unique(np.concatenate([log.ratings[~np.isnan(log.ratings)] for log in logs]))
    if len(ratings) < 2:
        return float("nan")
    highest = float(ratings[-1])
    return _HIGHEST / next((end for end in _SCALES if highest <= end), highest)


def catalogue_from(movies: Numbers, path: Path | None) -> Catalogue:
    """What is known of each movie; nothing without a file."""
    documents: list[list[str]] = [[] for _ in movies.ids]
    if path is not None:
        welcome = ("title", "genres", "tags", "keywords", "overview", "language", *_PEOPLE)
        for item, *texts in columns(path, ("item",), welcome):
            place = movies.known(item)
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
