"""How much each ranker counts, learnt from people held out of training, by history length."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from recommender.ranking.arrays import Arrays, Floats, Ints, Mask
from recommender.ranking.ensemble import (
    BUCKETS,
    RANKERS,
    TYPES,
    Ensemble,
    bucket_of,
)
from recommender.ranking.rankers import Ranker
from recommender.ranking.signals import Taste
from recommender.ranking.untaught import ACQUAINTANCE, OF_CROWD, for_now, untaught_weights

POOL = 60
# Scores held in memory at a time while cases are made.
SCORES_AT_ONCE = 8_000_000
CUT = 10
MINIMUM_CASES = 25
# A change must gain twice its standard error: the search is greedy, and what it takes for a gain
# by chance costs those it has not seen.
MINIMUM_GAIN_ERRORS = 2.0
# Cases of the buckets beside count half: they steady a bucket of few people.
BESIDE = 0.5
LEAST_WEIGHT = 0.1
STEPS = (0.0, 0.5, 0.7, 1.4, 2.0, 4.0)
_DISCOUNT = 1.0 / np.log2(np.arange(2, CUT + 2))

# A person's taste, and the movies that are looked for.
Lesson = tuple[Taste, Ints]

# How many times as much what is new counts, moments before can tell; the first where they cannot.
HASTE = (1.0, 0.5, 2.0, 4.0, 8.0)
_LEARNT = ("collaborative", "content_based", "genre_based", "hybrid")


@dataclass(frozen=True)
class Case:
    """One held-out person: best candidates' scores (k, p), which were liked, how many were."""

    bucket: int
    scores: Floats
    liked: Mask
    liked_count: int


def cases_of(ensemble: Ensemble, lessons: Iterable[Lesson]) -> Iterator[Case]:
    """Each lesson's candidates: what any ranker puts near the top of what the person has not."""
    names = [name for name in RANKERS if ensemble.ranker(name) is not None]
    rows = [RANKERS.index(name) for name in names]
    at_once = max(1, SCORES_AT_ONCE // (len(names) * max(len(ensemble.candidates), 1)))
    for batch in _batches(lessons, at_once):
        found = ensemble.scores([taste for taste, _ in batch], names)[0]
        for (taste, liked), scores in zip(batch, found, strict=True):
            yield _case(ensemble, scores, rows, (taste, liked))


def _batches(lessons: Iterable[Lesson], size: int) -> Iterator[list[Lesson]]:
    rest = iter(lessons)
    while batch := list(islice(rest, size)):
        yield batch


def _case(ensemble: Ensemble, present: Floats, rows: list[int], lesson: Lesson) -> Case:
    taste, liked = lesson
    open_to = np.flatnonzero(~np.isin(ensemble.candidates, taste.seen))
    pool = open_to[_tops(present[:, open_to])]
    scores = np.zeros((len(RANKERS), len(pool)), np.float32)
    scores[rows] = present[:, pool]
    found = np.isin(ensemble.candidates[pool], liked)
    return Case(bucket_of(len(taste)), scores, found, len(liked))


def found_by(ranker: Ranker, lessons: Sequence[Lesson]) -> Floats:
    """NDCG at CUT of one ranker alone, of each lesson."""
    found = np.zeros(len(lessons), np.float32)
    for number, (taste, liked) in enumerate(lessons):
        scores = ranker.scores([taste])[0].copy()
        scores[taste.seen] = -np.inf
        best = np.argpartition(-scores, min(CUT, len(scores) - 1))[:CUT]
        hits = np.isin(best[np.argsort(-scores[best], kind="stable")], liked)
        found[number] = hits @ _DISCOUNT[: len(hits)] / _DISCOUNT[: min(CUT, len(liked))].sum()
    return found


def _tops(scores: Floats) -> Ints:
    count = min(POOL, scores.shape[1])
    if not count:
        return np.empty(0, np.int64)
    spread = scores[scores.std(axis=1) > 0]
    return np.unique(np.argpartition(-spread, count - 1, axis=1)[:, :count])


def learn_weights(
    cases: Sequence[Case], ahead: Sequence[Case], teachable: frozenset[str]
) -> Arrays:
    """Tables like untaught_weights: each bucket with enough cases fitted to NDCG at CUT, and the
    tables for what lies ahead made from those by haste."""
    tables = untaught_weights(_acquaintance(cases))
    for kind in _LEARNT:
        names = [row for row, name in enumerate(RANKERS) if name in TYPES[kind] & teachable]
        table = tables[f"blend.{kind}"]
        for bucket in range(len(BUCKETS)):
            table[bucket] = _taught(cases, bucket, table[bucket], names)
        tables[f"blend.{kind}.ahead"] = _hastened(ahead, table, kind)
    return tables


def _acquaintance(cases: Sequence[Case]) -> float:
    """Which of ACQUAINTANCE finds most."""
    tables = [untaught_weights(each)["blend.hybrid"] for each in ACQUAINTANCE]
    return ACQUAINTANCE[_best(cases, tables)]


def _best(cases: Sequence[Case], tables: Sequence[Floats]) -> int:
    """Which table finds most, the first where too few can tell.

    It is asked of all cases at once and there are few tables, so what is best is taken as it is: of
    one ranker in one bucket no such step would be sure.
    """
    if len(cases) < MINIMUM_CASES:
        return 0
    found = np.zeros(len(tables))
    for bucket in range(len(BUCKETS)):
        mine = [case for case in cases if case.bucket == bucket]
        if mine:
            stack = _stacked(mine, bucket)
            found += [_qualities(stack, stack.scores @ table[bucket]).sum() for table in tables]
    return int(np.argmax(found))


def _taught(cases: Sequence[Case], bucket: int, start: Floats, names: list[int]) -> Floats:
    near = [case for case in cases if abs(case.bucket - bucket) <= 1]
    if sum(case.bucket == bucket for case in near) < MINIMUM_CASES:
        return start
    if bucket == 0:
        return _of_stranger(_ascend(_stacked(near, bucket), start, _crowd_of(names)), start)
    return _ascend(_stacked(near, bucket), start, names)


def _crowd_of(names: list[int]) -> list[int]:
    return [row for row in names if RANKERS[row] in OF_CROWD]


def _of_stranger(learnt: Floats, start: Floats) -> Floats:
    """The crowd's rankers in their new proportion, together as strong as they were at the start.

    No held-out person has favorite genres to learn from, so those must weigh as they did beside.
    """
    crowd = _crowd_of(list(range(len(RANKERS))))
    row = start.copy()
    row[crowd] = learnt[crowd] * (start[crowd].sum() / max(float(learnt[crowd].sum()), 1e-9))
    return row


def _hastened(cases: Sequence[Case], table: Floats, kind: str) -> Floats:
    """The table for now with as much haste as finds most: few are seen ahead to ask for more."""
    hasty = [for_now(table, kind) for _ in HASTE]
    for each, haste in zip(hasty, HASTE, strict=True):
        each[:, RANKERS.index("trend")] *= haste
    chosen = hasty[_best(cases, hasty)]
    chosen[0] = _of_stranger(chosen[0], hasty[0][0])
    return chosen


@dataclass(frozen=True)
class _Stack:
    """Cases side by side: scores (c, p, k), liked (c, p), the best possible, what each counts."""

    scores: Floats
    liked: Floats
    ideal: Floats
    counts: Floats


def _stacked(cases: Sequence[Case], bucket: int) -> _Stack:
    width = max(CUT, *(case.scores.shape[1] for case in cases))
    scores = np.full((len(cases), width, len(RANKERS)), -1e3, np.float32)
    liked = np.zeros((len(cases), width), np.float32)
    for row, case in enumerate(cases):
        scores[row, : case.scores.shape[1]] = case.scores.T
        liked[row, : len(case.liked)] = case.liked
    ideal = np.cumsum(_DISCOUNT)[[min(case.liked_count, CUT) - 1 for case in cases]]
    counts = np.array([1.0 if case.bucket == bucket else BESIDE for case in cases], np.float32)
    return _Stack(scores, liked, ideal.astype(np.float32), counts)


def _qualities(stack: _Stack, totals: Floats) -> Floats:
    top = np.argpartition(-totals, CUT - 1, axis=1)[:, :CUT]
    order = np.argsort(-np.take_along_axis(totals, top, axis=1), axis=1, kind="stable")
    hits = np.take_along_axis(stack.liked, np.take_along_axis(top, order, axis=1), axis=1)
    return hits @ _DISCOUNT.astype(np.float32) / stack.ideal


def sure_gain(before: Floats, after: Floats, counts: Floats) -> float:
    """The mean gain of cases that count so much, or 0 when it may be chance."""
    shares = counts / counts.sum()
    gains = after - before
    mean = float(shares @ gains)
    error = float(np.sqrt(np.square(shares) @ np.square(gains - mean)))
    return mean if mean > MINIMUM_GAIN_ERRORS * error else 0.0


def _ascend(stack: _Stack, start: Floats, names: list[int], rounds: int = 3) -> Floats:
    """Coordinate ascent: each ranker's weight in turn times STEPS, the best sure gain kept."""
    weights = start.copy()
    totals = stack.scores @ weights
    before = _qualities(stack, totals)
    for _ in range(rounds):
        moved = False
        for name in names:
            others = totals - stack.scores[:, :, name] * weights[name]
            best, chosen = 0.0, float(weights[name])
            for step in STEPS:
                trial = np.float32(step * max(float(weights[name]), LEAST_WEIGHT))
                after = _qualities(stack, others + stack.scores[:, :, name] * trial)
                gain = sure_gain(before, after, stack.counts)
                if gain > best:
                    best, chosen = gain, float(trial)
            if best > 0:
                weights[name], moved = chosen, True
                totals = others + stack.scores[:, :, name] * weights[name]
                before = _qualities(stack, totals)
        if not moved:
            break
    return weights
