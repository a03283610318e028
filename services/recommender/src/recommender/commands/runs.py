"""One split measured: a model by the production path, baselines, and each person's NDCG."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.commands.baselines import baselines_of, lists_by
from recommender.commands.lists import Moments, ranked_lists
from recommender.ranking.arrays import Ints, Mask
from recommender.ranking.catalogue import Catalogue
from recommender.ranking.ensemble import Ensemble
from recommender.ranking.evaluation import Split, ndcg
from recommender.ranking.ranked import Wish
from recommender.ranking.training import Interactions, Options, train

OURS = "ours"
LIKED = 4.0
TOP = 10
_THREADS = 2
Each = dict[str, list[float]]


class Varied(NamedTuple):
    """How good one person's list was, and how far apart its movies are."""

    ndcg: float
    by_genres: float
    by_terms: float


@dataclass(frozen=True)
class World:
    """A MovieLens folder: ratings and what is known of the movies."""

    ratings: Interactions
    catalogue: Catalogue


class Run:
    """A split's model and baselines, trained once, and the people to rank for."""

    def __init__(
        self, world: World, split: Split, *, least: float = LIKED, only: Ints | None = None
    ) -> None:
        self.ratings = world.ratings
        known = world.ratings.of(split.train)
        model = train(known, world.catalogue, Options(threads=_THREADS))
        self._ensemble = Ensemble(model).focused()
        self._known = known
        self._baselines = baselines_of(known, self._ensemble, threads=_THREADS)
        self._liked = _liked(
            world.ratings.of(split.test & (world.ratings.signals.ratings >= least))
        )
        self._allowed = None if only is None else np.isin(self._ensemble.movie_ids, only)

    def qualities(self, history: Mask) -> Each:
        """NDCG of each person by method; people in the same order for all methods."""
        asked = self._asked(history)
        found = {OURS: self._ours(asked)}
        for name, ranker in self._baselines.items():
            found[name] = lists_by(ranker, self._ensemble, asked, count=TOP, allowed=self._allowed)
        people = sorted(found[OURS])
        return {
            name: [ndcg(lists[person], self._liked[person], TOP) for person in people]
            for name, lists in found.items()
        }

    def _asked(self, history: Mask) -> Interactions:
        return self.ratings.of(history & np.isin(self.ratings.users, sorted(self._liked)))

    def _ours(self, asked: Interactions, diversity: float = 0.0) -> dict[int, list[int]]:
        wish = Wish("hybrid", TOP, diversity, self._allowed)
        return dict(ranked_lists(self._ensemble, asked, Moments(self._known, asked), wish))

    def at_diversity(self, history: Mask, diversity: float) -> list[Varied]:
        """Each person's list with so much variety wished for."""
        lists = self._ours(self._asked(history), diversity)
        return [
            Varied(ndcg(ranked, self._liked[person], TOP), *self._distances(ranked))
            for person, ranked in lists.items()
        ]

    def _distances(self, ranked: list[int]) -> tuple[float, float]:
        """Mean distances (1 - cosine) of the pairs of a list, by genres and by all terms."""
        if len(ranked) < 2:
            return 0.0, 0.0
        places = self._ensemble.positions(np.array(ranked, np.int64))
        rows, pairs = self._ensemble.rows[places], np.triu_indices(len(ranked), 1)
        likenesses = self._ensemble.genres.likeness(places), (rows @ rows.T).toarray()
        by_genres, by_terms = (float(1.0 - likeness[pairs].mean()) for likeness in likenesses)
        return by_genres, by_terms


def _liked(test: Interactions) -> Mapping[int, set[int]]:
    liked: dict[int, set[int]] = defaultdict(set)
    for person, movie in zip(test.users.tolist(), test.signals.movies.tolist(), strict=True):
        liked[person].add(movie)
    return dict(liked)
