"""The way from a person and what is allowed to a ranked, varied and explained list."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from recommender.ranking.arrays import Floats, Ints, Mask, best_first
from recommender.ranking.diversity import diversified
from recommender.ranking.ensemble import (
    COLLABORATIVE,
    CONTENT,
    TYPES,
    Ensemble,
)
from recommender.ranking.reasons import Reason, reasons
from recommender.ranking.shortlisting import Shortlist
from recommender.ranking.signals import Taste

POOL_PER_PLACE = 5
MINIMUM_POOL = 100
MAXIMUM_POOL = 500


@dataclass(frozen=True)
class Wish:
    """What list is asked for; allowed (n,) is None when every movie is."""

    kind: str
    count: int
    diversity: float = 0.0
    allowed: Mask | None = None
    collaborative: bool = True
    content: bool = True

    @property
    def switched_off(self) -> frozenset[str]:
        """The rankers that the person does not want."""
        off: frozenset[str] = frozenset()
        if not self.collaborative:
            off |= COLLABORATIVE
        if not self.content:
            off |= CONTENT
        return off


@dataclass(frozen=True)
class Ranked:
    """Parallel: positions in the model best first, their scores; and the blend that made them."""

    movies: Ints
    scores: Floats
    weights: dict[str, float]

    def __len__(self) -> int:
        return len(self.movies)


def rank(ensemble: Ensemble, taste: Taste, wish: Wish) -> Ranked:
    """The best `count` movies that are allowed and not seen: everything is left out before."""
    weights = ensemble.weights(wish.kind, taste, without=wish.switched_off)
    wanted = wish.count
    if wish.diversity > 0:
        wanted = max(wish.count, min(MAXIMUM_POOL, max(MINIMUM_POOL, wish.count * POOL_PER_PLACE)))
    names = {*weights, "als"}
    ensemble, open_to = _enough(ensemble, _open_to(len(ensemble), taste, wish), wanted, names)
    found = ensemble.shortlist(taste, weights, open_to, max(wanted, 1))
    places, scores = _with_unmet_in_order(ensemble, taste, wish, open_to, found, max(wanted, 1))
    candidates = ensemble.candidates[places]
    ids = ensemble.movie_ids[candidates]
    pool = best_first(scores, ensemble.popularity[candidates], ids, wanted)
    if wish.diversity > 0:
        likeness = ensemble.likeness(candidates[pool])
        pool = pool[diversified(scores[pool], likeness, wish.count, wish.diversity)]
    return Ranked(candidates[pool], scores[pool], found.per_unit)


def explain(ensemble: Ensemble, taste: Taste, ranked: Ranked, groups: Ints) -> list[Reason]:
    """Why each movie of the list is in it; groups (len(taste),): movies of the taste that may be
    named together, 0 where one may not."""
    return reasons(ensemble, taste, ranked.movies, ranked.weights, groups)


def similar(ensemble: Ensemble, movie: int, allowed: Mask | None, count: int) -> Ranked:
    """The movies most like one (a position), scores from 0 to 1: as if one had just that one."""
    one = np.array([movie], np.int64)
    taste = Taste(
        movies=one,
        weights=np.ones(1, np.float32),
        seen=one,
        at=float("nan"),
        genres=np.empty(0, np.int64),
        later=np.zeros(1, np.float32),
    )
    weights = {
        name: weight
        for name, weight in {"content": 1.0, "ease": 0.5, "neighbours": 0.3, "als": 0.1}.items()
        if ensemble.ranker(name) is not None
    }
    open_to = _open_to(len(ensemble), taste, Wish("content_based", count, allowed=allowed))
    ensemble, open_to = _enough(ensemble, open_to, count, weights)
    found = ensemble.shortlist(taste, weights, open_to, count)
    candidates, scores = ensemble.candidates[found.places], found.totals
    pool = best_first(
        scores, ensemble.popularity[candidates], ensemble.movie_ids[candidates], count
    )
    own = ensemble.among(one, found.per_unit).raw_totals(taste, found.per_unit)
    likeness = scores[pool] / max(float(own[0]), float(scores.max(initial=0.0)), 1e-9)
    return Ranked(candidates[pool], np.clip(likeness, 0.0, 1.0).astype(np.float32), found.per_unit)


def _enough(
    ensemble: Ensemble, open_to: Mask, wanted: int, names: Iterable[str]
) -> tuple[Ensemble, Mask]:
    """The ensemble with candidates of which enough are open, and which of them are; where others
    than before, they are scored by the rankers of these names alone."""
    shown = open_to[ensemble.candidates]
    if len(shown) == len(open_to) or np.count_nonzero(shown) >= wanted:
        return ensemble, shown
    others = ensemble.among(ensemble.most_popular(np.flatnonzero(open_to)), names)
    return others, np.ones(len(others.candidates), bool)


def _with_unmet_in_order(
    ensemble: Ensemble, taste: Taste, wish: Wish, open_to: Mask, found: Shortlist, wanted: int
) -> tuple[Ints, Floats]:
    """The places found and their scores, those of movies nobody met handed around among all such.

    How such movies stand beside others is the blend's to say. Which of them comes first is said by
    their factors alone: half of the blend knows nothing of them.
    """
    unmet = ensemble.unmet[ensemble.candidates[found.places]]
    factors = ensemble.ranker("als") is not None and "als" in TYPES[wish.kind] - wish.switched_off
    if not factors or not unmet.any():
        return found.places, found.totals
    all_unmet = np.flatnonzero(ensemble.unmet[ensemble.candidates] & open_to)
    count = min(int(unmet.sum()), wanted)
    handed = found.totals[unmet]
    handed = np.sort(handed[_tops(handed, count)])[::-1]
    suits = ensemble.by_factors(taste, all_unmet)
    best = _tops(suits, count)
    best = all_unmet[best[np.argsort(-suits[best], kind="stable")]]
    places = np.concatenate([found.places[~unmet], best])
    return places, np.concatenate([found.totals[~unmet], handed])


def _tops(scores: Floats, count: int) -> Ints:
    """Where the `count` best scores are, in no order but the same every time."""
    if count >= len(scores):
        return np.arange(len(scores))
    return np.sort(np.argpartition(-scores, count)[:count])


def _open_to(size: int, taste: Taste, wish: Wish) -> Mask:
    open_to = np.ones(size, bool) if wish.allowed is None else wish.allowed.copy()
    open_to[taste.seen] = False
    return open_to
