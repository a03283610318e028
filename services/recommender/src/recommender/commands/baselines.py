"""What the production ranking is compared with: each a single ranker, as its paper has it."""

from collections.abc import Mapping

import numpy as np

from recommender.commands.lists import by_person
from recommender.ranking.als import Als, train_als
from recommender.ranking.arrays import Mask, best_first, csr
from recommender.ranking.content import Content
from recommender.ranking.ease import Ease, train_ease
from recommender.ranking.ensemble import Ensemble
from recommender.ranking.neighbours import Neighbours, train_neighbours
from recommender.ranking.rankers import Popularity, Ranker
from recommender.ranking.signals import known_to, taste_of, training_weights
from recommender.ranking.training import Interactions

# What served EASE best in the table of its paper's authors for data of this kind.
_EASE_REGULARIZATION = 100.0


def baselines_of(known: Interactions, ensemble: Ensemble, *, threads: int) -> Mapping[str, Ranker]:
    """popularity, content, item-kNN, implicit ALS folded in toward nobody, and EASE."""
    size = len(ensemble)
    people, rows = np.unique(known.users, return_inverse=True)
    places = ensemble.positions(known.signals.movies)
    matrix = csr(training_weights(known.signals), rows, places, (len(people), size))
    counts = np.bincount(places, minlength=size).astype(np.float32)
    als = train_als(matrix, seed=7, threads=threads)
    als["als.mean"] = np.zeros_like(als["als.mean"])
    ease = train_ease(matrix, regularization=_EASE_REGULARIZATION, dropout=0.0, damping_power=0.0)
    return {
        "popularity": Popularity(counts),
        "content": Content(ensemble.rows),
        "item-kNN": Neighbours(train_neighbours(matrix, threads=threads)),
        "ALS": Als(als),
        "EASE": Ease(ease, size),
    }


def lists_by(
    ranker: Ranker, ensemble: Ensemble, asked: Interactions, *, count: int, allowed: Mask | None
) -> dict[int, list[int]]:
    """The best movies of each person by one ranker alone."""
    lists: dict[int, list[int]] = {}
    for person, signals in by_person(asked):
        placed = known_to(signals, ensemble.positions(signals.movies))
        taste = taste_of(placed, at=float("nan"))
        open_to = np.ones(len(ensemble), bool) if allowed is None else allowed.copy()
        open_to[taste.seen] = False
        places = np.flatnonzero(open_to)
        scores = ranker.scores([taste])[0, places]
        ids = ensemble.movie_ids[places]
        best = best_first(scores, ensemble.popularity[places], ids, count)
        lists[person] = ids[best].tolist()
    return lists
