"""python -m recommender compare: the production ranking beside baselines on a MovieLens folder."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recommender.commands.files import FileWrong, Numbers, columns, deeds, described
from recommender.commands.findings import Findings, charts_of, table_of
from recommender.commands.runs import Run, World
from recommender.ranking.arrays import Mask
from recommender.ranking.catalogue import catalogue_of
from recommender.ranking.evaluation import (
    Split,
    global_time,
    leave_last_out,
    strong_generalisation,
)
from recommender.ranking.training import Interactions

SEED = 11
DIVERSITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
LENGTHS = (1, 2, 3, 5, 8, 12, 20, 40, 80)
NEW_SHARE = 0.1


def compare(arguments: Sequence[str]) -> int:
    """Measure every split, print the table, write it and the charts into a folder."""
    parser = argparse.ArgumentParser(prog="python -m recommender compare", description=__doc__)
    parser.add_argument("--movielens", type=Path, required=True, help="folder with ratings.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder for table and charts")
    parser.add_argument("--folds", type=int, default=5, choices=range(1, 6))
    options = parser.parse_args(arguments)
    try:
        world = read_world(options.movielens)
    except (FileWrong, OSError) as error:
        sys.stderr.write(f"compare: {error}\n")
        return 2
    findings = measured(world, folds=options.folds)
    options.out.mkdir(parents=True, exist_ok=True)
    table = "\n".join(table_of(findings)) + "\n"
    (options.out / "quality.md").write_text(table, encoding="utf-8")
    for name, chart in charts_of(findings).items():
        (options.out / f"{name}.svg").write_text(chart, encoding="utf-8")
    sys.stdout.write(table)
    return 0


def read_world(folder: Path) -> World:
    """ratings.csv, and movies.csv and tags.csv where they are."""
    people, movies = Numbers(), Numbers()
    names = ("userId", "movieId", "rating", "timestamp")
    rated = deeds(folder / "ratings.csv", people, movies, names, needed=len(names))
    if not len(rated):
        raise FileWrong("ratings.csv is empty")
    told = _documents(folder)
    catalogue = catalogue_of(range(len(movies.ids)), [told.get(one, []) for one in movies.ids])
    return World(rated.interactions(1.0), catalogue)


def _documents(folder: Path) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = defaultdict(list)
    if (folder / "tags.csv").exists():
        for movie, tag in columns(folder / "tags.csv", ("movieId", "tag")):
            tags[movie].append(tag)
    if not (folder / "movies.csv").exists():
        return {}
    return {
        movie: described({"title": title, "genres": genres, "tags": "|".join(tags[movie])})
        for movie, title, genres in columns(folder / "movies.csv", ("movieId", "title", "genres"))
    }


def measured(world: World, *, folds: int) -> Findings:
    """Every split of the goals, with the baselines beside us."""
    findings, ratings = Findings(), world.ratings
    rng = np.random.default_rng(SEED)
    splits = strong_generalisation(ratings.users, rng)[:folds]
    for number, split in enumerate(splits):
        run = Run(world, split)
        findings.add("people never seen (sg)", run.qualities(split.history))
        findings.add("1 or 2 ratings known", run.qualities(_few(ratings, split.history, rng, 1, 2)))
        findings.add("3 to 5 ratings known", run.qualities(_few(ratings, split.history, rng, 3, 5)))
        for diversity in DIVERSITIES:
            varied = run.at_diversity(split.history, diversity)
            findings.by_diversity.setdefault(diversity, []).extend(varied)
        if number == 0:
            _look_closer(findings, run, split.history, rng)
        _say(f"fold {number + 1} of {len(splits)} measured")
    loo = leave_last_out(ratings.users, ratings.signals.at)
    findings.add("last movie of each (loo)", Run(world, loo, least=0.0).qualities(loo.history))
    _say("loo measured")
    later = global_time(ratings.users, ratings.signals.at)
    findings.add("last fifth by time (gt)", Run(world, later).qualities(later.history))
    _say("gt measured")
    split, new = _without_movies(ratings, rng)
    findings.add("new movies", Run(world, split, only=new).qualities(split.history))
    return findings


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _few(
    ratings: Interactions, history: Mask, rng: np.random.Generator, least: int, most: int
) -> Mask:
    """A random `least` to `most` ratings of each person's history."""
    few = np.zeros(len(ratings), bool)
    for person in np.unique(ratings.users[history]).tolist():
        mine = rng.permutation(np.flatnonzero(history & (ratings.users == person)))
        few[mine[: int(rng.integers(least, most + 1))]] = True
    return few


def _look_closer(findings: Findings, run: Run, history: Mask, rng: np.random.Generator) -> None:
    for length in LENGTHS:
        qualities = run.qualities(_few(run.ratings, history, rng, length, length))
        for name, each in qualities.items():
            findings.by_length.setdefault(name, {})[length] = float(np.mean(each))


def _without_movies(ratings: Interactions, rng: np.random.Generator) -> tuple[Split, np.ndarray]:
    """Nobody has a tenth of the movies yet: all their ratings are to come, all others known."""
    movies = np.unique(ratings.signals.movies)
    new = np.sort(rng.permutation(movies)[: max(1, round(NEW_SHARE * len(movies)))])
    test = np.isin(ratings.signals.movies, new)
    return Split(~test, ~test, test), new
