"""python -m recommender evaluate: the production ranking, trained and measured on files alone."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from recommender.commands.files import (
    Deeds,
    FileWrong,
    Numbers,
    catalogue_from,
    deeds,
    ids,
    scale_of,
    write_lists,
)
from recommender.commands.lists import Moments, only, ranked_list, ranked_lists
from recommender.ranking.ensemble import TYPES, Ensemble
from recommender.ranking.evaluation import Quality, quality
from recommender.ranking.ranked import Wish
from recommender.ranking.training import Options, train

_LIKED = 4.0
_THREADS = 2


def evaluate(arguments: Sequence[str]) -> int:
    """Train on a file, rank for the people of another, write and perhaps measure the lists."""
    options = _parser().parse_args(arguments)
    try:
        _evaluate(options)
    except (FileWrong, OSError) as error:
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
    parser.add_argument("--diversity", type=_share, default=0.0, help="0 to 1")
    parser.add_argument("--seed", type=int, default=7)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return number


def _evaluate(options: argparse.Namespace) -> None:
    people, movies = Numbers(), Numbers()
    items = ids(options.items, "item", movies)
    known, history = deeds(options.train, people, movies), deeds(options.history, people, movies)
    scale = scale_of(known, history)
    trained = known.interactions(scale)
    catalogue = catalogue_from(movies, options.movies)
    _say(f"read {len(known):,} deeds to train on and {len(history):,} to rank after; training")
    model = train(trained, catalogue, Options(seed=options.seed, threads=_THREADS))
    _say(f"trained on {len(movies.ids):,} movies; ranking")
    ensemble = Ensemble(model).focused()
    wish = Wish(options.type, options.top, options.diversity, only(ensemble, items))
    asked = history.interactions(scale)
    moments = Moments(trained, asked)
    lists = dict(ranked_lists(ensemble, asked, moments, wish))
    nothing = trained.of(np.empty(0, np.int64)).signals
    for person in _asked(options, people):
        if person not in lists:
            at = moments.of(person, nothing)
            lists[person] = ranked_list(ensemble, nothing, wish, at=at)
    write_lists(options.out, lists.items(), people, movies)
    if options.test is not None:
        test = deeds(options.test, people, movies)
        _print(_measured(lists, test, known, scale, movie_count=len(set(items))))


def _say(text: str) -> None:
    """Where it stands, for whoever waits; figures alone go to the standard output."""
    sys.stderr.write(f"{text}\n")


def _asked(options: argparse.Namespace, people: Numbers) -> list[int]:
    if options.users is None:
        return []
    return ids(options.users, "user", people)


def _measured(
    lists: Mapping[int, Sequence[int]], test: Deeds, known: Deeds, scale: float, *, movie_count: int
) -> Quality:
    # Without ratings that say something, everything that was met counts as liked.
    good = ~(test.ratings * scale < _LIKED)
    liked: dict[int, set[int]] = {}
    for person, movie in zip(test.people[good].tolist(), test.movies[good].tolist(), strict=True):
        if person in lists:
            liked.setdefault(person, set()).add(movie)
    ids, counts = np.unique(known.movies, return_counts=True)
    return quality(
        lists,
        liked,
        counts=dict(zip(ids.tolist(), counts.tolist(), strict=True)),
        people=len(np.unique(known.people)),
        movie_count=movie_count,
    )


def _print(measured: Quality) -> None:
    lines = {
        "ndcg@10": measured.ndcg_10,
        "recall@20": measured.recall_20,
        "mrr": measured.mrr,
        "coverage@10": measured.coverage_10,
        "novelty@10": measured.novelty_10,
    }
    sys.stdout.write(f"users\t{measured.people}\n")
    for name, value in lines.items():
        sys.stdout.write(f"{name}\t{value:.5f}\n")
