"""Of many candidates the best by a blend, with the dear views had of few of them (ADR 0022)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recommender.ranking.als import Als
from recommender.ranking.arrays import Floats, Ints, Mask, add_scaled
from recommender.ranking.content import Content
from recommender.ranking.rankers import Ranker
from recommender.ranking.signals import Taste

# What two ways to the same score may differ by.
ROUNDING = 1e-5
# Of so many left it is worth while to look more closely what a movie needs.
TOO_MANY = 4_000
# At least one in so many.
_MANY = 4
# What spreads less says nothing of the difference between movies.
LEAST_SPREAD = 1e-9

# Views too dear to have of every movie in every request: roughly of all, exactly of a few.
Dear = Als | Content


class Shortlist(NamedTuple):
    """Places among the candidates, their blended scores, and what a unit of each ranker's own score
    adds to them."""

    places: Ints
    totals: Floats
    per_unit: dict[str, float]


class _Asked(NamedTuple):
    """A dear view asked of one taste, and what a unit of its score adds."""

    view: Dear
    asked: Floats
    unit: np.float32


def shortlist(
    scorers: Mapping[str, Ranker],
    first: int,
    taste: Taste,
    weights: Mapping[str, float],
    open_to: Mask,
    wanted: int,
) -> Shortlist:
    """The `wanted` best of the open candidates (c,), and who is as good as the last of them.

    Cheap views are had of all candidates. Dear ones are had of the `first`, the most popular, which
    say what a movie needs to be among the best, and of those others that may have that much: by the
    lengths of both (Cauchy & Schwarz), and where that leaves too many, by what says more.
    """
    cheap, head = np.zeros(len(open_to), np.float32), np.zeros(first, np.float32)
    dear, per_unit = list[_Asked](), dict[str, float]()
    for name, weight in weights.items():
        ranker = scorers[name]
        if isinstance(ranker, Dear):
            asked = ranker.asked(taste)
            scores = ranker.of(asked, slice(0, first))
            per_unit[name] = unit = _unit(weight, scores)
            dear.append(_Asked(ranker, asked, np.float32(unit)))
            add_scaled(head, unit, scores)
        else:
            scores = ranker.scores([taste])[0]
            per_unit[name] = unit = _unit(weight, scores[:first])
            add_scaled(cheap, unit, scores)
    head += cheap[:first]
    head[~open_to[:first]] = -np.inf
    others, theirs = _others(cheap, dear, open_to, head, wanted)
    chosen = np.flatnonzero(head >= _last_of_best(head, wanted))
    chosen = chosen[open_to[chosen]]
    places = np.concatenate([chosen, others])
    found = np.concatenate([head[chosen], theirs])
    kept = found >= _last_of_best(found, wanted)
    return Shortlist(places[kept], found[kept], per_unit)


def _others(
    cheap: Floats, dear: Sequence[_Asked], open_to: Mask, head: Floats, wanted: int
) -> tuple[Ints, Floats]:
    """Places after the first, ascending, that may be among the best, and their scores."""
    rest = slice(len(head), len(cheap))
    least = _last_of_best(head, wanted)
    bound, beside = cheap[rest].copy(), 0.0
    for view, asked, unit in dear:
        reach = float(unit) * float(asked @ asked) ** 0.5
        lengths = view.lengths(rest)
        if isinstance(lengths, np.ndarray):
            add_scaled(bound, reach, lengths)
        else:
            beside += reach * lengths
    near = np.flatnonzero(open_to[rest] & (bound >= least - beside))
    if len(near) > TOO_MANY and dear:
        bound = cheap[rest].copy()
        for view, asked, unit in dear:
            add_scaled(bound, float(unit), view.at_most(asked, rest))
        near = near[bound[near] >= least]
    if len(near) > TOO_MANY:
        # The popular ones say too little here: those do that promise most.
        promising = near[np.argpartition(-bound[near], TOO_MANY // 2)[: TOO_MANY // 2]]
        theirs = _totals(cheap, dear, len(head) + np.sort(promising))
        least = _last_of_best(np.concatenate([head, theirs]), wanted)
        near = near[bound[near] >= least]
    places = len(head) + near
    return places, _totals(cheap, dear, places)


def _totals(cheap: Floats, dear: Sequence[_Asked], places: Ints) -> Floats:
    total = cheap[places]
    if not len(places):
        return total
    for view, asked, unit in dear:
        total += unit * scores_at(view, asked, places)
    return total


def scores_at(view: Dear, asked: Floats, places: Ints) -> Floats:
    """The scores at these places, ascending; of such as stand close together all between them are
    had sooner than those are collected."""
    within = slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)
    if within.stop - within.start <= _MANY * len(places):
        return view.of(asked, within)[places - within.start]
    return view.of(asked, places)


def _last_of_best(scores: Floats, wanted: int) -> float:
    """The last of the `wanted` best scores, and a little less for rounding."""
    if len(scores) < wanted:
        return -np.inf
    last = float(np.partition(scores, len(scores) - wanted)[len(scores) - wanted])
    return last - ROUNDING * abs(last)


def _unit(weight: float, scores: Floats) -> float:
    """What a unit of a view's own score adds to the blend."""
    spread = _spread(scores)
    return weight / spread if spread >= LEAST_SPREAD else weight


def _spread(scores: Floats) -> float:
    """The standard deviation of one row; 0 where rounding is all there is."""
    size = max(len(scores), 1)
    mean, square = float(scores.sum()) / size, float(scores @ scores) / size
    variance = square - mean * mean
    return variance**0.5 if variance > 1e-5 * square else 0.0
