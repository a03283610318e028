"""How good a model is, by people it never learnt from, and beside the live one."""

import numpy as np
from threadpoolctl import threadpool_limits

from recommender.domain import gain_interval
from recommender.ranking.arrays import Ints
from recommender.ranking.ensemble import Ensemble, Model
from recommender.ranking.evaluation import Quality, quality
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import known_to, taste_of, training_weights
from recommender.ranking.training import LIKED, Interactions

# One person in ten is never trained on: they judge each model, and none has seen them.
_JUDGES_AMONG = 10
_MOST_JUDGES = 500
_TOP = 100


def apart(interactions: Interactions, number: int = 0) -> tuple[Interactions, Interactions]:
    """All others, and the tenth of people of this number: 0 are those who judge at the gate."""
    judging = interactions.users % _JUDGES_AMONG == number
    return interactions.of(~judging), interactions.of(judging)


def judged(model: Model, judges: Interactions, seed: int) -> Quality:
    """Each judge gives a random 80% as history; what they liked of the rest is looked for."""
    ensemble = Ensemble(model).focused()
    rng = np.random.default_rng(seed)
    lists: dict[int, list[int]] = {}
    liked: dict[int, set[int]] = {}
    for user in np.unique(judges.users)[:_MOST_JUDGES].tolist():
        mine = judges.of(judges.users == user)
        order = rng.permutation(len(mine))
        cut = round(0.8 * len(order))
        later = mine.of(order[cut:]).signals
        liked[user] = set(later.movies[training_weights(later) >= LIKED].tolist())
        # One list is too little for threads of BLAS.
        with threadpool_limits(1, "blas"):
            lists[user] = _list_for(ensemble, mine.of(order[:cut]))
    counts = _counts(ensemble)
    people = int(model.meta.get("user_count", 1))
    return quality(lists, liked, counts=counts, people=people, movie_count=len(ensemble))


def _list_for(ensemble: Ensemble, history: Interactions) -> list[int]:
    signals = history.signals
    placed = known_to(signals, ensemble.positions(signals.movies))
    at = float(signals.at.max()) if len(signals) else float("nan")
    ranked = rank(ensemble, taste_of(placed, at=at), Wish("hybrid", _TOP))
    return ensemble.movie_ids[ranked.movies].tolist()


def _counts(ensemble: Ensemble) -> dict[int, int]:
    met: Ints = np.flatnonzero(ensemble.popularity)
    counts = ensemble.popularity[met].astype(int).tolist()
    return dict(zip(ensemble.movie_ids[met].tolist(), counts, strict=True))


def metrics_of(measured: Quality, live: Quality | None) -> dict[str, float]:
    """What the registry keeps of a candidate's quality, and of the live model's beside it."""
    metrics = {
        "ndcg_at_10": measured.ndcg_10,
        "recall_at_20": measured.recall_20,
        "mrr": measured.mrr,
        "coverage_at_10": measured.coverage_10,
        "novelty_at_10": measured.novelty_10,
        "judges": float(measured.people),
    }
    if live is not None:
        metrics["live_ndcg_at_10"] = live.ndcg_10
        if gains := gains_of(measured, live):
            metrics["gain_low"], metrics["gain_high"] = gain_interval(gains)
    return metrics


def gains_of(measured: Quality, other: Quality) -> list[float]:
    """By how much each of the same people finds more of what they liked."""
    pairs = zip(measured.ndcg_each, other.ndcg_each, strict=True)
    return [new - old for new, old in pairs]
