"""The part `recommender`: training and lists at full size, beside implicit ALS in the same run."""

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any

from launcher.bench.recommender.filling import fill
from launcher.bench.rows import Row, at_most
from launcher.bench.spending import Spent
from launcher.bench.world import World, world
from launcher.settings import LocalSettings

PART = "recommender"
_GIGABYTE = 1e9
# RECOMMENDER.md's goals are for this many interactions.
_GOAL_INTERACTIONS = 4_400_000


def measure(settings: LocalSettings, arguments: Sequence[str]) -> Iterator[Row]:
    """Fill the replicas, train by the job's code, and make lists as they are served."""
    parser = argparse.ArgumentParser(prog="./marquee bench recommender")
    parser.add_argument("--interactions", type=int, default=_GOAL_INTERACTIONS)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--movies", type=int, default=1_000_000)
    asked = parser.parse_args(arguments)
    with world(settings, size=1) as here:
        here.run("recommender", "migrate")
        count = fill(here, asked.people, asked.movies, asked.interactions)
        shape = f"{count:,} interactions, {asked.people:,} people, {asked.movies:,} movies"
        yield Row(PART, "read from the replicas' tables", shape)
        yield from _training(here, count)
        yield from _lists(here, asked.people)


def _training(here: World, count: int) -> Iterator[Row]:
    before = here.cpu_seconds("postgres")
    spent = here.run("recommender", "train")
    database = here.cpu_seconds("postgres") - before
    version, metrics = here.query(
        "recommender", "select model_version, metrics from model where state = 'live'"
    )
    yield Row(PART, "NDCG@10 of people never trained on", f"{metrics['ndcg_at_10']:.4f}", version)
    yield Row(PART, "PostgreSQL's part of the training, CPU", f"{database:.1f} s")
    what = "training: CPU, judging included"
    if count <= _GOAL_INTERACTIONS:
        yield at_most(PART, what, spent.cpu_seconds / 60, 10, "min")
    else:
        yield Row(PART, what, f"{spent.cpu_seconds / 60:.3g} min")
    yield at_most(PART, "training: most memory", spent.peak_bytes / _GIGABYTE, 4, "GB")


def _lists(here: World, people_count: int) -> Iterator[Row]:
    of, _ = _figures(here)
    als, alone = _figures(here, "als")
    yield Row(PART, "implicit ALS alone: CPU of 12 iterations", f"{als['fit']:.1f} s")
    memory = f"{alone.peak_bytes / _GIGABYTE:.2g} GB"
    yield Row(PART, "implicit ALS alone: most memory", memory)
    ranking, page = of["ranking"], of["page"]
    movies = f"{of['candidates']:,} of {of['movies']:,} movies"
    median = _milliseconds(ranking["cpu"]["p50"])
    yield Row(PART, "fold-in and ranking: CPU, median", median, movies)
    yield at_most(PART, "fold-in and ranking: CPU, p99", ranking["cpu"]["p99"] * 1e3, 5, "ms")
    for quantile in ("p50", "p99"):
        figure = f"{_milliseconds(page['clock'][quantile])} ({page['cpu'][quantile] * 1e3:.1f} CPU)"
        yield Row(PART, f"one person's page: read, rank, explain, keep; {quantile}", figure)
    yield at_most(PART, "a serving replica: PSS", of["pss_bytes"] / _GIGABYTE, 1.5, "GB")
    ahead = of["ahead"]
    figure = f"{ahead['clock'] * people_count:.0f} s ({ahead['cpu'] * people_count:.0f} CPU)"
    yield Row(PART, f"the job of lists ahead for all {people_count:,}, by a sample", figure)
    everyone = ranking["cpu"]["mean"] * people_count
    figure = f"{everyone:.0f} s CPU"
    ratio = f"{ranking['cpu']['mean'] / als['list']:.2g}x ALS"
    yield Row(PART, f"lists of 200 for all {people_count:,}, by a sample", figure, ratio)


def _figures(here: World, *which: str) -> tuple[dict[str, Any], Spent]:
    spent = here.run("recommender", "measure", *which)
    log = here.state.logs / f"{'-'.join(('recommender', 'measure', *which))}.log"
    last = next(line for line in reversed(log.read_text().splitlines()) if line.startswith("{"))
    return json.loads(last), spent


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
