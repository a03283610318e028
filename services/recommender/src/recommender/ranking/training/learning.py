"""What people held out of training teach: how firm and how long to train, and how to blend."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from recommender.ranking.als import (
    LOOKS,
    REGULARIZATION,
    Als,
    als_on_its_way,
    enough_iterations,
)
from recommender.ranking.arrays import Arrays, Ints, Sparse, positions_of
from recommender.ranking.blending import (
    Case,
    Lesson,
    cases_of,
    found_by,
    learn_weights,
    sure_gain,
)
from recommender.ranking.ease import FACTOR_CELLS, Ease, usual_regularization
from recommender.ranking.ensemble import (
    BUCKETS,
    MOST_CANDIDATES,
    RANKERS,
    Ensemble,
    Model,
    bucket_of,
)
from recommender.ranking.signals import Signals, Taste, taste_of, training_weights
from recommender.ranking.training.fitting import ease_arrays, fit_rankers
from recommender.ranking.training.material import Interactions, Material, Options, matrix_of
from recommender.ranking.untaught import untaught_weights

LIKED = 0.8
SMALL = 3_000
FOLDS = 5
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


@dataclass(frozen=True)
class Learnt:
    """The options as they were found, and the tables of blend weights."""

    options: Options
    blend: Arrays

    def document(self) -> dict[str, Any]:
        """The same as JSON: a training that is cut off goes on from it."""
        blend = {name: table.tolist() for name, table in self.blend.items()}
        return {"options": asdict(self.options), "blend": blend}


def learnt_from(document: Mapping[str, Any]) -> Learnt:
    """What Learnt.document wrote."""
    blend = {name: np.array(table, np.float32) for name, table in document["blend"].items()}
    return Learnt(Options(**document["options"]), blend)


def learn(given: Material, options: Options) -> Learnt:
    """Hold people out, look for what they liked, and keep what finds it best."""
    placed = given.placed
    people = np.unique(placed.users)
    if not options.learn_blend or len(people) < FEWEST_PEOPLE:
        return Learnt(options, untaught_weights())
    rng = np.random.default_rng(options.seed)
    width = min(len(given.catalogue), MOST_CANDIDATES)
    budget = max(50, VALIDATION_CELLS // (width * len(BUCKETS)))
    most = min(MAXIMUM_VALIDATION_USERS, budget)
    held = rng.permutation(people)[:most]
    cases: list[Case] = []
    teachable: set[str] = set()
    parts = np.array_split(held, FOLDS if len(people) <= SMALL else 1)
    for number, part in enumerate(parts):
        out = np.isin(placed.users, part)
        lessons = list(_lessons(placed.of(out), rng))
        rest = replace(given, placed=placed.of(~out))
        if number == 0:
            options = _tuned(rest, lessons, options)
        names, found = _found(rest, options, lessons)
        teachable |= names
        cases += found
    ahead: list[Case] = []
    for cut in _cuts(placed.signals.at, AHEAD if len(people) <= SMALL else AHEAD[-1:]):
        early = replace(given, placed=placed.of(placed.signals.at <= cut))
        ahead += _found(early, options, _lessons_ahead(placed, cut, most, rng))[1]
    return Learnt(options, learn_weights(cases, ahead, frozenset(teachable)))


def _tuned(given: Material, lessons: Sequence[Lesson], options: Options) -> Options:
    """How firm EASE has to be, and how often ALS has to go to and fro."""
    _, matrix = matrix_of(given.placed, len(given.catalogue))
    met = np.flatnonzero(np.diff(matrix.tocsc().indptr))
    if len(lessons) < FEWEST_PEOPLE or min(matrix.shape[0], len(met)) < 2:
        return options
    firmness = _firmness(matrix, len(met), lessons, given.catalogue.content, options)
    iterations = _iterations(matrix, met, lessons, options)
    return replace(options, firmness=firmness, iterations=iterations)


def _firmness(
    matrix: Sparse, met: int, lessons: Sequence[Lesson], content: Sparse, options: Options
) -> float:
    """The factor of EASE's regularisation that finds best what people of long histories liked; the
    usual one where no other is surely better."""
    long = [lesson for lesson in lessons if bucket_of(len(lesson[0])) >= LONG_BUCKET]
    cheap = met <= TUNED_MOVIES or matrix.shape[0] * met <= FACTOR_CELLS
    if len(long) < FEWEST_PEOPLE or not cheap:
        return options.firmness
    usual = usual_regularization(matrix)
    found = [
        found_by(Ease(ease_arrays(matrix, factor * usual, content, options), matrix.shape[1]), long)
        for factor in FIRMNESS
    ]
    gains = [sure_gain(found[0], each, np.ones(len(long), np.float32)) for each in found]
    return FIRMNESS[int(np.argmax(gains))]


def _iterations(matrix: Sparse, met: Ints, lessons: Sequence[Lesson], options: Options) -> int:
    """Where ALS finds no more of what people liked (early stopping)."""
    place_of = positions_of(met, matrix.shape[1])
    # Most of a large catalogue nobody met: to look there costs much and finds nothing.
    among_met = [_placed(lesson, place_of) for lesson in lessons]

    def quality(arrays: Arrays) -> float:
        return float(found_by(Als(arrays), among_met).mean())

    firmness = options.als_firmness * REGULARIZATION
    made = als_on_its_way(
        matrix[:, met], seed=options.seed, threads=options.threads, firmness=firmness, looks=LOOKS
    )
    return enough_iterations(quality, made, LOOKS)


def _placed(lesson: Lesson, place_of: Ints) -> Lesson:
    """The lesson by other places; what has none is no taste, and is never found."""
    taste, liked = lesson
    kept, seen = place_of[taste.movies] >= 0, place_of[taste.seen]
    placed = replace(
        taste,
        movies=place_of[taste.movies[kept]],
        weights=taste.weights[kept],
        later=taste.later[kept],
        seen=seen[seen >= 0],
    )
    return placed, place_of[liked]


def _found(
    given: Material, options: Options, lessons: Iterable[Lesson]
) -> tuple[set[str], list[Case]]:
    """The rankers that this can teach, and what they find; they are gone before others come."""
    ensemble = Ensemble(Model(fit_rankers(given, options) | untaught_weights())).focused()
    names = {name for name in RANKERS if ensemble.ranker(name) is not None}
    return names, list(cases_of(ensemble, lessons))


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
