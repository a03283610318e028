"""From interactions and a catalogue to a model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from recommender.ranking.als import projected, train_als, train_projection
from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, csr, pack_sparse
from recommender.ranking.blending import Case, case_of, learn_weights, untaught_weights
from recommender.ranking.catalogue import Catalogue, pack_vocabulary, rarity, tf_idf
from recommender.ranking.ease import train_ease
from recommender.ranking.ensemble import BUCKETS, FORMAT, RANKERS, Ensemble, Model
from recommender.ranking.neighbours import train_neighbours
from recommender.ranking.rankers import train_trend, trend_of_now
from recommender.ranking.signals import Kind, Signals, Taste, taste_of, training_weights

LIKED = 0.8
SMALL = 3_000
FOLDS = 3
VALIDATION_CELLS = 120_000_000
MAXIMUM_VALIDATION_USERS = 600
Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to train; nothing here is chosen per data set."""

    seed: int = 7
    threads: int = 1
    learn_blend: bool = True


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


def train(
    interactions: Interactions,
    catalogue: Catalogue,
    options: Options,
    report: Report | None = None,
) -> Model:
    """A model of every movie of the catalogue; interactions with other movies are left out."""
    placed = _placed(interactions, catalogue)
    content = tf_idf(catalogue.terms, rarity(catalogue))
    report = report or _silent
    report("validation")
    blend = _learn_blend(placed, catalogue, content, options)
    report("fit")
    arrays = _fit(placed, catalogue, content, options) | blend
    meta = {
        "format": FORMAT,
        "seed": options.seed,
        "movie_count": len(catalogue),
        "user_count": len(np.unique(placed.users)),
        "interaction_count": len(placed),
        "rankers": list(RANKERS),
        "buckets": list(BUCKETS),
    }
    return Model(arrays, meta)


def _silent(_stage: str) -> None:
    """Nobody asked how far it is."""


def plain_model(catalogue: Catalogue, counts: Floats, recent: Floats) -> Model:
    """What can be ranked before anything was trained: popularity, recency, genres and content."""
    arrays = _catalogue_arrays(catalogue, tf_idf(catalogue.terms, rarity(catalogue)), counts)
    arrays |= trend_of_now(recent)
    return Model(arrays | untaught_weights(), {"format": FORMAT, "movie_count": len(catalogue)})


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


def _fit(placed: Interactions, catalogue: Catalogue, content: Sparse, options: Options) -> Arrays:
    people = np.unique(placed.users, return_inverse=True)
    shape = (len(people[0]), len(catalogue))
    weights = training_weights(placed.signals)
    matrix = csr(weights, people[1], placed.signals.movies, shape)
    counts = np.bincount(placed.signals.movies, minlength=len(catalogue)).astype(np.float32)
    arrays = _catalogue_arrays(catalogue, content, counts)
    arrays |= train_trend(placed.signals.movies, placed.signals.at, len(catalogue))
    met = np.flatnonzero(counts)
    if min(shape[0], len(met)) < 2:
        return arrays
    arrays |= train_ease(matrix, regularization=_regularization(matrix))
    arrays |= _als_arrays(matrix, met, content, options)
    if len(arrays["ease.movies"]) < len(met):
        arrays |= train_neighbours(matrix, threads=options.threads)
    return arrays


def _als_arrays(matrix: Sparse, met: Ints, content: Sparse, options: Options) -> Arrays:
    arrays = train_als(matrix[:, met], seed=options.seed, threads=options.threads)
    factors = np.zeros((matrix.shape[1], arrays["als.factors"].shape[1]), np.float32)
    factors[met] = arrays["als.factors"]
    arrays["als.factors"] = factors
    new = np.setdiff1d(np.arange(len(factors)), met)
    if content.shape[1] and content[met].nnz:
        arrays |= train_projection(factors, content, met)
        factors[new] = projected(arrays, content[new])
    return arrays


def _regularization(matrix: Sparse) -> float:
    """Between 150 for a few hundred people and 400 for many: what held-out people preferred."""
    return float(np.clip(6.0 * np.sqrt(matrix.shape[0]), 20.0, 400.0))


def _catalogue_arrays(catalogue: Catalogue, content: Sparse, counts: Floats) -> Arrays:
    return {
        "movies.ids": catalogue.movie_ids,
        "movies.counts": counts.astype(np.float32),
        **pack_sparse("content", content),
        **pack_vocabulary(catalogue.vocabulary),
        "terms.rarity": rarity(catalogue),
    }


def _learn_blend(
    placed: Interactions, catalogue: Catalogue, content: Sparse, options: Options
) -> Arrays:
    people = np.unique(placed.users)
    if not options.learn_blend or len(people) < 50:
        return untaught_weights()
    rng = np.random.default_rng(options.seed)
    budget = max(50, VALIDATION_CELLS // (len(catalogue) * len(BUCKETS)))
    held = rng.permutation(people)[: min(MAXIMUM_VALIDATION_USERS, budget, len(people) // 2 + 1)]
    parts = np.array_split(held, FOLDS if len(people) <= SMALL else 1)
    cases: list[Case] = []
    teachable: set[str] = set()
    for part in parts:
        out = np.isin(placed.users, part)
        model = Model(_fit(placed.of(~out), catalogue, content, options) | untaught_weights())
        ensemble = Ensemble(model)
        teachable |= {name for name in RANKERS if ensemble.ranker(name) is not None}
        for taste, liked in _lessons(placed.of(out), rng):
            cases.append(case_of(ensemble, taste, liked))
    return learn_weights(cases, frozenset(teachable))


def _lessons(held: Interactions, rng: np.random.Generator) -> Iterator[tuple[Taste, Ints]]:
    """Each held-out person's history, whole and cut short to every bucket, and what they liked."""
    order = np.argsort(held.users, kind="stable")
    borders = np.flatnonzero(np.diff(held.users[order])) + 1
    for chosen in np.split(order, borders):
        mine = held.of(chosen).signals
        shuffled = rng.permutation(len(chosen))
        weights = training_weights(mine)
        cut = round(0.8 * len(shuffled))
        later = shuffled[cut:]
        liked = mine.movies[later[weights[later] >= LIKED]]
        if len(liked):
            for length in _lengths(cut, rng):
                yield _shortened(mine, shuffled[:length]), liked


def _lengths(whole: int, rng: np.random.Generator) -> list[int]:
    ends = [*BUCKETS[1:], 1_000_000]
    return [
        whole if whole < end else int(rng.integers(start, end))
        for start, end in zip(BUCKETS, ends, strict=True)
        if start <= whole
    ]


def _shortened(signals: Signals, chosen: Ints) -> Taste:
    part = Signals(
        signals.movies[chosen], signals.kinds[chosen], signals.ratings[chosen], signals.at[chosen]
    )
    moments = part.at if len(part) else signals.at[:1]
    known = moments[~np.isnan(moments)]
    return taste_of(part, at=float(known.max()) if len(known) else float("nan"))
