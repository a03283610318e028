"""python -m recommender evaluate: the production ranking, trained and measured on files alone."""

import argparse
import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.ranking.catalogue import Catalogue, catalogue_of, terms_of
from recommender.ranking.ensemble import TYPES, Ensemble
from recommender.ranking.evaluation import Quality, quality
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import Kind, Signals, known_to, taste_of
from recommender.ranking.training import Interactions, Options, train

_LIKED = 4.0
_HIGHEST = 5.0
_SEPARATOR = re.compile(r"[|;,]")
_YEAR = re.compile(r"\((\d{4})\)\s*$")
_PEOPLE = ("people", "cast", "actors", "directors", "director", "writers", "crew")
_CSV_FIELD = 10_000_000
_MANY_THREADS = 2


class Row(NamedTuple):
    """A line of a history: ids as they were written, nan for what is absent."""

    user: str
    item: str
    rating: float
    at: float


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


def evaluate(arguments: Sequence[str]) -> int:
    """Train on a file, rank for the people of another, write and perhaps measure the lists."""
    options = _parser().parse_args(arguments)
    csv.field_size_limit(_CSV_FIELD)
    try:
        _evaluate(options)
    except (FileWrong, OSError, UnicodeDecodeError, csv.Error) as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recommender evaluate", description=__doc__)
    needed = {
        "train": "user,item,rating,ts to train on",
        "history": "user,item,rating,ts of those to rank for",
        "items": "item: what to rank",
        "out": "where user,item,rank is written",
    }
    for name, meaning in needed.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=meaning)
    parser.add_argument("--movies", type=Path, help="item,title,genres,tags,overview,...")
    parser.add_argument("--test", type=Path, help="user,item,rating,ts to measure against")
    parser.add_argument("--users", type=Path, help="user: more people, without a history")
    parser.add_argument("--top", type=_positive, default=100, help="length of a list")
    parser.add_argument("--type", choices=sorted(TYPES), default="hybrid")
    parser.add_argument("--seed", type=int, default=7)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _evaluate(options: argparse.Namespace) -> None:
    movies = Numbers()
    train_rows = list(_rows(options.train))
    history_rows = list(_rows(options.history))
    items = [movies.of(row["item"]) for row in _table(options.items, ["item"])]
    for row in (*train_rows, *history_rows):
        movies.of(row.item)
    scale = _scale((*train_rows, *history_rows))
    people = Numbers()
    interactions = _interactions(train_rows, people, movies, scale)
    catalogue = _catalogue(movies, options.movies)
    model = train(interactions, catalogue, Options(seed=options.seed, threads=_MANY_THREADS))
    ensemble = Ensemble(model)
    allowed = np.zeros(len(ensemble), bool)
    allowed[items] = True
    lists = dict(
        _lists(ensemble, allowed, options, _interactions(history_rows, people, movies, scale))
        if history_rows
        else ()
    )
    now = float(np.nanmax(interactions.signals.at)) if _known(interactions) else float("nan")
    for person in _asked(options, people):
        if person not in lists:
            nothing = _interactions([], people, movies, scale).signals
            lists[person] = _list(ensemble, allowed, options, nothing, at=now)
    _write(options.out, lists, people, movies)
    if options.test is not None:
        _measure(options.test, lists, people, movies, interactions, len(set(items)), scale)


def _known(interactions: Interactions) -> bool:
    return bool(np.isfinite(interactions.signals.at).any())


def _asked(options: argparse.Namespace, people: Numbers) -> list[int]:
    if options.users is None:
        return []
    return [people.of(row["user"]) for row in _table(options.users, ["user"])]


def _lists(
    ensemble: Ensemble, allowed: np.ndarray, options: argparse.Namespace, history: Interactions
) -> Iterator[tuple[int, list[int]]]:
    order = np.argsort(history.users, kind="stable")
    borders = np.flatnonzero(np.diff(history.users[order])) + 1
    for chosen in np.split(order, borders):
        mine = history.of(chosen).signals
        known = mine.at[np.isfinite(mine.at)]
        at = float(known.max()) if len(known) else float("nan")
        yield int(history.users[chosen[0]]), _list(ensemble, allowed, options, mine, at=at)


def _list(
    ensemble: Ensemble,
    allowed: np.ndarray,
    options: argparse.Namespace,
    signals: Signals,
    *,
    at: float,
) -> list[int]:
    placed = known_to(signals, ensemble.positions(signals.movies))
    wish = Wish(options.type, options.top, allowed=allowed)
    ranked = rank(ensemble, taste_of(placed, at=at), wish)
    return ensemble.movie_ids[ranked.movies].tolist()


def _rows(path: Path) -> Iterator[Row]:
    for row in _table(path, ["user", "item"]):
        yield Row(
            row["user"],
            row["item"],
            _number(row.get("rating"), path, "rating"),
            _number(row.get("ts"), path, "ts"),
        )


def _table(path: Path, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="")
        missing = [name for name in needed if name not in (reader.fieldnames or [])]
        if missing:
            raise FileWrong(f"{path} lacks the column {', '.join(missing)}")
        yield from reader


def _number(text: str | None, path: Path, name: str) -> float:
    if not text or not text.strip():
        return float("nan")
    try:
        number = float(text)
    except ValueError as error:
        raise FileWrong(f"{path}: {name} {text!r} is not a number") from error
    return number if np.isfinite(number) else float("nan")


def _scale(rows: Iterable[Row]) -> float:
    """What brings ratings to 0.5..5; nan when they say nothing, being absent or all the same."""
    ratings = {row.rating for row in rows if not np.isnan(row.rating)}
    if len(ratings) < 2:
        return float("nan")
    return _HIGHEST / max(ratings) if max(ratings) > _HIGHEST else 1.0


def _interactions(
    rows: Sequence[Row], people: Numbers, movies: Numbers, scale: float
) -> Interactions:
    signals = Signals(
        movies=np.array([movies.of(row.item) for row in rows], np.int64),
        kinds=np.full(len(rows), int(Kind.RATING), np.int64),
        ratings=np.array([row.rating for row in rows], np.float32) * np.float32(scale),
        at=np.array([row.at for row in rows], np.float64),
    )
    return Interactions(np.array([people.of(row.user) for row in rows], np.int64), signals)


def _catalogue(movies: Numbers, path: Path | None) -> Catalogue:
    documents: list[list[str]] = [[] for _ in movies.ids]
    for row in _table(path, ["item"]) if path is not None else ():
        place = movies.places.get(row["item"])
        if place is not None:
            documents[place] = _terms(row)
    return catalogue_of(range(len(documents)), documents)


def _terms(row: Mapping[str, str]) -> list[str]:
    title = row.get("title") or ""
    year = _YEAR.search(title)
    return terms_of(
        genres=_parts(row.get("genres")),
        keywords=[*_parts(row.get("tags")), *_parts(row.get("keywords"))],
        people=[person for name in _PEOPLE for person in _parts(row.get(name))],
        title=_YEAR.sub("", title),
        overview=row.get("overview") or "",
        year=int(year[1]) if year else None,
        language=(row.get("language") or "").strip(),
    )


def _parts(text: str | None) -> list[str]:
    return [part.strip().lower() for part in _SEPARATOR.split(text or "") if part.strip()]


def _write(
    path: Path, lists: Mapping[int, Sequence[int]], people: Numbers, movies: Numbers
) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "rank"])
        for person, ranked in lists.items():
            writer.writerows(
                (people.ids[person], movies.ids[movie], place)
                for place, movie in enumerate(ranked, 1)
            )


def _measure(
    path: Path,
    lists: Mapping[int, Sequence[int]],
    people: Numbers,
    movies: Numbers,
    trained_on: Interactions,
    item_count: int,
    scale: float,
) -> None:
    liked: dict[int, set[int]] = {}
    for row in _rows(path):
        good = np.isnan(scale) or np.isnan(row.rating) or row.rating * scale >= _LIKED
        person = people.places.get(row.user)
        if good and person is not None and person in lists:
            liked.setdefault(person, set()).add(movies.of(row.item))
    ids, counts = np.unique(trained_on.signals.movies, return_counts=True)
    _print(
        quality(
            lists,
            liked,
            counts=dict(zip(ids.tolist(), counts.tolist(), strict=True)),
            people=len(np.unique(trained_on.users)),
            movie_count=item_count,
        )
    )


def _print(measured: Quality) -> None:
    lines = {
        "users": measured.people,
        "ndcg@10": measured.ndcg_10,
        "recall@20": measured.recall_20,
        "mrr": measured.mrr,
        "coverage@10": measured.coverage_10,
        "novelty@10": measured.novelty_10,
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name}\t{value:.5f}\n" if name != "users" else f"{name}\t{value}\n")
