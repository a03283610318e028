"""How much each ranker counts, learnt from people held out of training, by history length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.ranking.arrays import Arrays, Floats, Ints, Mask
from recommender.ranking.ensemble import BUCKETS, RANKERS, TYPES, Ensemble, bucket_of
from recommender.ranking.signals import Taste

POOL = 120
CUT = 10
MINIMUM_CASES = 25
# A change must gain its own standard error: people held out are few and the search is greedy.
MINIMUM_GAIN_ERRORS = 1.0
# Cases of the buckets beside count half: they steady a bucket of few people.
BESIDE = 0.5
LEAST_WEIGHT = 0.1
STEPS = (0.0, 0.5, 0.7, 1.4, 2.0, 4.0)
_DISCOUNT = 1.0 / np.log2(np.arange(2, CUT + 2))

Weights = Mapping[str, float]

# Where learning starts, and what counts where too few people can teach: for a person nobody
# knows (all history still to come) and for one with a long history. Between, by _STRANGENESS.
_STRANGER: Mapping[str, Weights] = {
    "trending": {"trend": 1.0},
    "popular": {"popularity": 1.0},
    "genre_based": {"genres": 1.0, "popularity": 1.0, "trend": 0.3, "unmet": 1.0},
    "content_based": {
        "content": 0.5, "genres": 1.0, "popularity": 1.0, "trend": 0.3, "unmet": 1.0,
    },
    "collaborative": {
        "als": 1.0, "ease": 0.35, "neighbours": 0.1, "popularity": 0.7, "trend": 0.3, "unmet": 1.0,
    },
    "hybrid": {
        "als": 1.0, "ease": 0.35, "neighbours": 0.1, "popularity": 0.7, "trend": 0.3,
        "genres": 0.5, "content": 0.2, "unmet": 1.0,
    },
}  # fmt: skip
_REGULAR: Mapping[str, Weights] = {
    "trending": {"trend": 1.0},
    "popular": {"popularity": 1.0},
    "genre_based": {"genres": 1.0, "popularity": 0.6, "trend": 0.3, "unmet": 0.5},
    "content_based": {"content": 1.0, "genres": 0.3, "popularity": 0.5, "unmet": 0.5},
    "collaborative": {"ease": 1.0, "als": 0.3, "neighbours": 0.1, "trend": 0.05, "unmet": 0.5},
    "hybrid": {
        "ease": 1.0, "als": 0.3, "neighbours": 0.1, "trend": 0.05, "content": 0.35, "unmet": 0.5,
    },
}  # fmt: skip
# Of a person without a history only the favorite genres are known, so these lead.
CHOSEN_GENRES = 4.0
_STRANGENESS = (1.0, 1.0, 0.9, 0.6, 0.3, 0.0, 0.0)
_LEARNT = ("collaborative", "content_based", "genre_based", "hybrid")


@dataclass(frozen=True)
class Case:
    """One held-out person: best candidates' scores (k, p), which were liked, how many were."""

    bucket: int
    scores: Floats
    liked: Mask
    liked_count: int


def untaught_weights() -> Arrays:
    """The tables of blend weights (buckets x rankers) of every type, nothing learnt."""
    strange = np.array(_STRANGENESS, np.float32)[:, None]
    tables = {
        f"blend.{kind}": strange * _row(_STRANGER[kind]) + (1 - strange) * _row(_REGULAR[kind])
        for kind in TYPES
    }
    for kind in ("genre_based", "hybrid"):
        tables[f"blend.{kind}"][0, RANKERS.index("genres")] = CHOSEN_GENRES
    return tables


def _row(weights: Weights) -> Floats:
    return np.array([weights.get(name, 0.0) for name in RANKERS], np.float32)


def case_of(ensemble: Ensemble, taste: Taste, liked: Ints) -> Case:
    """The candidates any ranker puts near the top, out of what the person has not seen."""
    scores = np.zeros((len(RANKERS), len(ensemble)), np.float32)
    present = [row for row, name in enumerate(RANKERS) if ensemble.ranker(name) is not None]
    scores[present] = ensemble.scores(taste, [RANKERS[row] for row in present])[0]
    open_to = np.ones(len(ensemble), bool)
    open_to[taste.seen] = False
    candidates = np.flatnonzero(open_to)
    pool = candidates[_tops(scores[present][:, candidates])]
    return Case(bucket_of(len(taste)), scores[:, pool], np.isin(pool, liked), len(liked))


def _tops(scores: Floats) -> Ints:
    count = min(POOL, scores.shape[1])
    if not count:
        return np.empty(0, np.int64)
    spread = scores[scores.std(axis=1) > 0]
    return np.unique(np.argpartition(-spread, count - 1, axis=1)[:, :count])


def learn_weights(cases: Sequence[Case], teachable: frozenset[str]) -> Arrays:
    """Tables like untaught_weights, each bucket with enough cases fitted to NDCG at CUT."""
    tables = untaught_weights()
    for bucket in range(len(BUCKETS)):
        near = [case for case in cases if abs(case.bucket - bucket) <= 1]
        if sum(case.bucket == bucket for case in near) < MINIMUM_CASES:
            continue
        stack = _stacked(near, bucket)
        for kind in _LEARNT:
            names = [row for row, name in enumerate(RANKERS) if name in TYPES[kind] & teachable]
            table = tables[f"blend.{kind}"]
            if bucket == 0:
                # No held-out person has favorite genres to learn from: that weight stays.
                names = [row for row in names if RANKERS[row] != "genres"]
            table[bucket] = _ascend(stack, table[bucket], names)
    return tables


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


def _gain(stack: _Stack, before: Floats, after: Floats) -> float:
    """The mean gain, or 0 when it is within its standard error of nothing."""
    shares = stack.counts / stack.counts.sum()
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
                gain = _gain(stack, before, after)
                if gain > best:
                    best, chosen = gain, float(trial)
            if best > 0:
                weights[name], moved = chosen, True
                totals = others + stack.scores[:, :, name] * weights[name]
                before = _qualities(stack, totals)
        if not moved:
            break
    return weights
