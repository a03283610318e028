"""The way from a person and what is allowed to a ranked, varied and explained list."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from recommender.ranking.arrays import Floats, Ints, Mask, best_first
from recommender.ranking.diversity import diversified
from recommender.ranking.ensemble import (
    COLLABORATIVE,
    CONTENT,
    MOST_CANDIDATES,
    TYPES,
    Ensemble,
)
from recommender.ranking.reasons import Reason, reasons
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
    totals, per_unit = ensemble.totals(taste, weights)
    totals = _with_unmet_in_order(ensemble, taste, wish, totals)
    candidates, scores = ensemble.candidates[open_to], totals[open_to]
    ids = ensemble.movie_ids[candidates]
    pool = best_first(scores, ensemble.popularity[candidates], ids, wanted)
    if wish.diversity > 0:
        likeness = ensemble.likeness(candidates[pool])
        pool = pool[diversified(scores[pool], likeness, wish.count, wish.diversity)]
    return Ranked(candidates[pool], scores[pool], per_unit)


def explain(ensemble: Ensemble, taste: Taste, ranked: Ranked) -> list[Reason]:
    """Why each movie of the list is in it."""
    return reasons(ensemble, taste, ranked.movies, ranked.weights)


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
    totals, per_unit = ensemble.totals(taste, weights)
    candidates, scores = ensemble.candidates[open_to], totals[open_to]
    pool = best_first(
        scores, ensemble.popularity[candidates], ensemble.movie_ids[candidates], count
    )
    own = ensemble.among(one, per_unit).raw_totals(taste, per_unit)
    likeness = scores[pool] / max(float(own[0]), float(totals.max(initial=0.0)), 1e-9)
    return Ranked(candidates[pool], np.clip(likeness, 0.0, 1.0).astype(np.float32), per_unit)


def _enough(
    ensemble: Ensemble, open_to: Mask, wanted: int, names: Iterable[str]
) -> tuple[Ensemble, Mask]:
    """The ensemble with candidates of which enough are open, and which of them are; where others
    than before, they are scored by the rankers of these names alone."""
    shown = open_to[ensemble.candidates]
    if len(shown) == len(open_to) or int(shown.sum()) >= wanted:
        return ensemble, shown
    places = np.flatnonzero(open_to)
    if len(places) > MOST_CANDIDATES:
        best = np.argpartition(-ensemble.popularity[places], MOST_CANDIDATES)
        places = np.sort(places[best[:MOST_CANDIDATES]])
    return ensemble.among(places, names), np.ones(len(places), bool)


def _with_unmet_in_order(ensemble: Ensemble, taste: Taste, wish: Wish, totals: Floats) -> Floats:
    """The candidates' scores, those of movies nobody met handed around among them.

    How such movies stand beside others is the blend's to say. Which of them comes first is said by
    their factors alone: half of the blend knows nothing of them.
    """
    factors = ensemble.ranker("als") is not None and "als" in TYPES[wish.kind] - wish.switched_off
    places = np.flatnonzero(ensemble.unmet[ensemble.candidates])
    if not factors or len(places) < 2:
        return totals
    suits = ensemble.raw_totals(taste, {"als": 1.0})[places]
    handed = totals.copy()
    handed[places[np.argsort(suits, kind="stable")]] = np.sort(totals[places])
    return handed


def _open_to(size: int, taste: Taste, wish: Wish) -> Mask:
    open_to = np.ones(size, bool) if wish.allowed is None else wish.allowed.copy()
    open_to[taste.seen] = False
    return open_to
