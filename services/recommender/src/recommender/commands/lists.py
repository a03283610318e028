"""Lists by the production ranking for people whose histories are given."""

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from recommender.ranking.arrays import Mask
from recommender.ranking.ensemble import Ensemble
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import Signals, known_to, taste_of
from recommender.ranking.training import Interactions

# People asked for are a selection when half of them were there so much later than half of all.
_FRESHER = 0.5


class Moments:
    """When a list is made, which no file says: now, or when its person was last there.

    Now is when the training ends. Where lists are asked for a selection of those whom the training
    knows, namely for such as were there lately, they are for now. Otherwise, and for everyone the
    training does not know, it is the moment of their own last deed.
    """

    def __init__(self, trained: Interactions, asked: Interactions) -> None:
        known = trained.signals.at[np.isfinite(trained.signals.at)]
        self._now = float(known.max()) if len(known) else float("nan")
        idle = self._now - _last_deeds(trained)
        familiar = np.isin(asked.users, trained.users)
        theirs = self._now - _last_deeds(asked.of(familiar))
        fresher = len(theirs) > 0 and float(np.median(theirs)) < _FRESHER * float(np.median(idle))
        people = asked.users[familiar] if fresher else np.empty(0, np.int64)
        self._for_now = frozenset(np.unique(people).tolist())

    def of(self, person: int, signals: Signals) -> float:
        """The moment for a person with this history, nan when nothing tells."""
        known = signals.at[np.isfinite(signals.at)]
        if not len(known):
            return float("nan") if len(signals) else self._now
        return self._now if person in self._for_now else float(known.max())


def _last_deeds(interactions: Interactions) -> np.ndarray:
    """Each person's last known moment."""
    told = interactions.of(np.isfinite(interactions.signals.at))
    order = np.lexsort((told.signals.at, told.users))
    ends = np.append(np.flatnonzero(np.diff(told.users[order])), len(order) - 1)
    return told.signals.at[order[ends[ends >= 0]]]


def ranked_lists(
    ensemble: Ensemble, history: Interactions, moments: Moments, wish: Wish
) -> Iterator[tuple[int, list[int]]]:
    """Each person of the history with the movie ids of their list."""
    for person, mine in by_person(history):
        # One list is too little for threads of BLAS.
        with threadpool_limits(1, "blas"):
            found = ranked_list(ensemble, mine, wish, at=moments.of(person, mine))
        yield person, found


def by_person(history: Interactions) -> Iterator[tuple[int, Signals]]:
    """Each person's part of a history."""
    if len(history):
        order = np.argsort(history.users, kind="stable")
        borders = np.flatnonzero(np.diff(history.users[order])) + 1
        for chosen in np.split(order, borders):
            yield int(history.users[chosen[0]]), history.of(chosen).signals


def ranked_list(ensemble: Ensemble, signals: Signals, wish: Wish, *, at: float) -> list[int]:
    """The movie ids of one list."""
    placed = known_to(signals, ensemble.positions(signals.movies))
    ranked = rank(ensemble, taste_of(placed, at=at), wish)
    return ensemble.movie_ids[ranked.movies].tolist()


def only(ensemble: Ensemble, movie_ids: list[int]) -> Mask:
    """(n,) the movies of these ids."""
    return np.isin(ensemble.movie_ids, movie_ids)
