"""What a training is made of: who did what, what is known of movies, and how to train."""

from dataclasses import dataclass, replace

import numpy as np

from recommender.ranking.als import ITERATIONS
from recommender.ranking.arrays import Ints, Sparse, csr, positions_of
from recommender.ranking.catalogue import Catalogue, Described, described
from recommender.ranking.signals import Kind, Signals, training_weights


@dataclass(frozen=True)
class Options:
    """How to train; nothing here is chosen per data set by hand."""

    seed: int = 7
    threads: int = 1
    learn_blend: bool = True
    # Factors of EASE's and of ALS's usual regularisation; learning finds EASE's own.
    firmness: float = 1.0
    als_firmness: float = 1.0
    # How often ALS goes to and fro; learning finds where more no longer help.
    iterations: int = ITERATIONS
    # Factors of what EASE leaves out at random, and of what it makes of contents.
    dropout: float = 1.0
    content: float = 1.0


@dataclass(frozen=True)
class Interactions:
    """Who did what: users (any integers) beside signals whose movies are movie ids."""

    users: Ints
    signals: Signals

    def __len__(self) -> int:
        return len(self.users)

    def of(self, chosen: np.ndarray) -> "Interactions":
        """A part of them, by mask or positions."""
        s = self.signals
        part = Signals(s.movies[chosen], s.kinds[chosen], s.ratings[chosen], s.at[chosen])
        return Interactions(self.users[chosen], part)


@dataclass(frozen=True)
class Material:
    """Interactions whose movies are places in the catalogue, and the catalogue."""

    placed: Interactions
    catalogue: Described


def material(interactions: Interactions, catalogue: Catalogue) -> Material:
    """The same, ready to be learnt from."""
    return Material(_placed(interactions, catalogue), described(catalogue))


def most_met_first(given: Material) -> Material:
    """The same with those movies first that most people met: what is read together lies together.

    Not for learning from held-out people: the order would tell of what they met.
    """
    signals, size = given.placed.signals, len(given.catalogue)
    order = np.argsort(-np.bincount(signals.movies, minlength=size), kind="stable")
    placed = replace(signals, movies=positions_of(order, size)[signals.movies])
    return Material(replace(given.placed, signals=placed), given.catalogue.at(order))


def matrix_of(placed: Interactions, size: int) -> tuple[Ints, Sparse]:
    """Each interaction's person, numbered, and people x movies."""
    people, rows = np.unique(placed.users, return_inverse=True)
    weights = training_weights(placed.signals)
    return rows, csr(weights, rows, placed.signals.movies, (len(people), size))


def _placed(interactions: Interactions, catalogue: Catalogue) -> Interactions:
    """Movies as positions in the catalogue, one interaction a (user, movie): its rating first."""
    signals, ids = interactions.signals, catalogue.movie_ids
    if not len(ids) or not len(interactions):
        return interactions.of(np.empty(0, np.int64))
    places = np.minimum(np.searchsorted(ids, signals.movies), len(ids) - 1)
    weights = training_weights(signals)
    usable = np.flatnonzero((ids[places] == signals.movies) & (weights > 0))
    rated = (signals.kinds == Kind.RATING)[usable]
    people, movies = interactions.users[usable], places[usable]
    order = np.lexsort((weights[usable], rated, movies, people))
    people, movies = people[order], movies[order]
    last = np.ones(len(order), bool)
    last[:-1] = (people[1:] != people[:-1]) | (movies[1:] != movies[:-1])
    kept = usable[order[last]]
    part = interactions.of(kept)
    s = part.signals
    return Interactions(part.users, Signals(places[kept], s.kinds, s.ratings, s.at))
