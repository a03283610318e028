"""Lists by the production ranking for people whose histories are given."""

from collections.abc import Iterator

import numpy as np

from recommender.ranking.arrays import Mask
from recommender.ranking.ensemble import Ensemble
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import Signals, known_to, taste_of
from recommender.ranking.training import Interactions

# A silence up to this share of the time that training spans does not part a person from now.
_STILL_HERE = 0.1


class Moments:
    """When a list is made, which no file says: now, or when the person was last there.

    Now is when the training ends. Someone the training knows, and who was there lately, gets a
    list for now. For everyone else it is the moment of their own last deed.
    """

    def __init__(self, trained: Interactions) -> None:
        known = trained.signals.at[np.isfinite(trained.signals.at)]
        self._now = float(known.max()) if len(known) else float("nan")
        self._lately = self._now - _STILL_HERE * float(np.ptp(known)) if len(known) else self._now
        self._people = frozenset(np.unique(trained.users).tolist())

    def of(self, person: int, signals: Signals) -> float:
        """The moment for a person with this history, nan when nothing tells."""
        known = signals.at[np.isfinite(signals.at)]
        if not len(known):
            return float("nan") if len(signals) else self._now
        last = float(known.max())
        return self._now if person in self._people and last >= self._lately else last


def ranked_lists(
    ensemble: Ensemble, history: Interactions, moments: Moments, wish: Wish
) -> Iterator[tuple[int, list[int]]]:
    """Each person of the history with the movie ids of their list."""
    for person, mine in by_person(history):
        yield person, ranked_list(ensemble, mine, wish, at=moments.of(person, mine))


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
