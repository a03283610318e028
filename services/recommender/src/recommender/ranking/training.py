"""From interactions and a catalogue to a model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.ranking.als import projected, train_als, train_projection
from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, csr, pack_sparse
from recommender.ranking.blending import (
    Case,
    Lesson,
    cases_of,
    found_by,
    learn_weights,
    untaught_weights,
)
from recommender.ranking.catalogue import Catalogue, pack_vocabulary, rarity, tf_idf
from recommender.ranking.ease import FACTOR_CELLS, Ease, train_ease, usual_regularization
from recommender.ranking.ensemble import (
    BUCKETS,
    FORMAT,
    MOST_CANDIDATES,
    RANKERS,
    Ensemble,
    Model,
    bucket_of,
)
from recommender.ranking.neighbours import train_neighbours
from recommender.ranking.rankers import train_trend, trend_of_now
from recommender.ranking.sequence import train_sequence
from recommender.ranking.signals import Kind, Signals, Taste, taste_of, training_weights

LIKED = 0.8
SMALL = 3_000
FOLDS = 3
VALIDATION_CELLS = 120_000_000
MAXIMUM_VALIDATION_USERS = 600
FEWEST_PEOPLE = 50
FIRMNESS = (1.0, 0.5, 2.0)
# Histories of this bucket and longer ones say how firm to be; above so many movies it costs much.
LONG_BUCKET = 4
TUNED_MOVIES = 5_000
# How many of a person's movies, the last by time, are to be guessed from all before them.
LAST = 3
# Shares of all that is known that lie before the moments at which looking ahead is practised.
AHEAD = (0.7, 0.85)
Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How to train; nothing here is chosen per data set."""

    seed: int = 7
    threads: int = 1
    learn_blend: bool = True
    # A factor of EASE's usual regularisation; learning finds its own.
    firmness: float = 1.0


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
    options, blend = _learnt(placed, catalogue, content, options)
    report("fit")
    arrays = _fit(placed, catalogue, content, options) | blend
    meta = {
        "format": FORMAT,
        "seed": options.seed,
        "firmness": options.firmness,
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
    people, matrix = _matrix(placed, len(catalogue))
    weights, shape = training_weights(placed.signals), matrix.shape
    counts = np.bincount(placed.signals.movies, minlength=len(catalogue)).astype(np.float32)
    arrays = _catalogue_arrays(catalogue, content, counts)
    arrays |= train_trend(placed.signals.movies, weights, placed.signals.at, len(catalogue))
    met = np.flatnonzero(counts)
    if min(shape[0], len(met)) < 2:
        return arrays
    firmness = options.firmness * usual_regularization(matrix)
    arrays |= train_ease(matrix, regularization=firmness, content=content)
    arrays |= _als_arrays(matrix, met, content, options)
    arrays |= train_sequence(
        people, placed.signals.movies, weights, placed.signals.at, len(catalogue)
    )
    if len(arrays["ease.movies"]) < len(met):
        arrays |= train_neighbours(matrix, threads=options.threads)
    return arrays


def _matrix(placed: Interactions, size: int) -> tuple[Ints, Sparse]:
    """Each interaction's person, numbered, and people x movies."""
    people, rows = np.unique(placed.users, return_inverse=True)
    weights = training_weights(placed.signals)
    return rows, csr(weights, rows, placed.signals.movies, (len(people), size))


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


def _catalogue_arrays(catalogue: Catalogue, content: Sparse, counts: Floats) -> Arrays:
    return {
        "movies.ids": catalogue.movie_ids,
        "movies.counts": counts.astype(np.float32),
        **pack_sparse("content", content),
        **pack_vocabulary(catalogue.vocabulary),
        "terms.rarity": rarity(catalogue),
    }


def _learnt(
    placed: Interactions, catalogue: Catalogue, content: Sparse, options: Options
) -> tuple[Options, Arrays]:
    """What people held out of training teach: how firm to be, and how to blend."""
    people = np.unique(placed.users)
    if not options.learn_blend or len(people) < FEWEST_PEOPLE:
        return options, untaught_weights()
    rng = np.random.default_rng(options.seed)
    budget = max(50, VALIDATION_CELLS // (min(len(catalogue), MOST_CANDIDATES) * len(BUCKETS)))
    most = min(MAXIMUM_VALIDATION_USERS, budget)
    held = rng.permutation(people)[: min(most, len(people) // 2 + 1)]
    cases: list[Case] = []
    teachable: set[str] = set()
    parts = np.array_split(held, FOLDS if len(people) <= SMALL else 1)
    for number, part in enumerate(parts):
        out = np.isin(placed.users, part)
        lessons = list(_lessons(placed.of(out), rng))
        if number == 0:
            options = replace(options, firmness=_firmness(placed.of(~out), lessons, content))
        ensemble = _untaught(placed.of(~out), catalogue, content, options)
        teachable |= {name for name in RANKERS if ensemble.ranker(name) is not None}
        cases += cases_of(ensemble, lessons)
    ahead: list[Case] = []
    for cut in _cuts(placed.signals.at, AHEAD if len(people) <= SMALL else AHEAD[-1:]):
        early = placed.of(placed.signals.at <= cut)
        ensemble = _untaught(early, catalogue, content, options)
        ahead += cases_of(ensemble, _lessons_ahead(placed, cut, most, rng))
    return options, learn_weights(cases, ahead, frozenset(teachable))


def _firmness(placed: Interactions, lessons: Sequence[Lesson], content: Sparse) -> float:
    """The factor of EASE's regularisation that finds best what people of long histories liked."""
    size = content.shape[0]
    _, matrix = _matrix(placed, size)
    long = [lesson for lesson in lessons if bucket_of(len(lesson[0])) >= LONG_BUCKET]
    met = int(np.count_nonzero(np.diff(matrix.tocsc().indptr)))
    cheap = met <= TUNED_MOVIES or matrix.shape[0] * met <= FACTOR_CELLS
    if len(long) < FEWEST_PEOPLE or met < 2 or not cheap:
        return 1.0
    usual = usual_regularization(matrix)
    found: dict[float, float] = {}
    for factor in FIRMNESS:
        arrays = train_ease(matrix, regularization=factor * usual, content=content)
        found[factor] = found_by(Ease(arrays, size), long)
    return max(found, key=lambda factor: found[factor])


def _untaught(
    placed: Interactions, catalogue: Catalogue, content: Sparse, options: Options
) -> Ensemble:
    model = Model(_fit(placed, catalogue, content, options) | untaught_weights())
    return Ensemble(model).focused()


def _people(held: Interactions) -> Iterator[Signals]:
    order = np.argsort(held.users, kind="stable")
    borders = np.flatnonzero(np.diff(held.users[order])) + 1
    for chosen in np.split(order, borders):
        yield held.of(chosen).signals


def _lessons(held: Interactions, rng: np.random.Generator) -> Iterator[Lesson]:
    """Each held-out person's history, whole and cut short to every bucket, and what they liked;
    and what they turned to last, after all else."""
    for mine in _people(held):
        shuffled = rng.permutation(len(mine))
        weights = training_weights(mine)
        cut = round(0.8 * len(shuffled))
        later = shuffled[cut:]
        liked = mine.movies[later[weights[later] >= LIKED]]
        if len(liked):
            for length in _lengths(cut, rng):
                yield _shortened(mine, shuffled[:length]), liked
        if len(mine) >= 4 * LAST and np.ptp(mine.at) > 0:
            order = np.argsort(mine.at, kind="stable")
            yield _shortened(mine, order[:-LAST]), mine.movies[order[-LAST:]]


def _cuts(at: np.ndarray, shares: Sequence[float]) -> list[float]:
    """Moments with most of what is known before them and enough after them."""
    known = at[np.isfinite(at)]
    if not len(known):
        return []
    cuts = np.unique(np.quantile(known, shares, method="lower"))
    return [float(cut) for cut in cuts if known.min() < cut < known.max()]


def _lessons_ahead(
    placed: Interactions, cut: float, most: int, rng: np.random.Generator
) -> Iterator[Lesson]:
    """What people had at a moment, and what they liked of what they had after it."""
    early = placed.signals.at <= cut
    late = (placed.signals.at > cut) & (training_weights(placed.signals) >= LIKED)
    both = np.intersect1d(placed.users[early], placed.users[late])
    asked = rng.permutation(both)[:most]
    for person in asked.tolist():
        mine = placed.users == person
        taste = taste_of(placed.of(mine & early).signals, at=cut)
        yield taste, placed.signals.movies[mine & late]


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
