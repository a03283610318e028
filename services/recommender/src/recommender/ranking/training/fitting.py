"""Every ranker fitted to what people did."""

from dataclasses import asdict

import numpy as np

from recommender.ranking.als import REGULARIZATION, projected, train_als, train_projection
from recommender.ranking.arrays import Arrays, Floats, Ints, Sparse, pack_sparse
from recommender.ranking.catalogue import Catalogue, Described, described, pack_vocabulary
from recommender.ranking.ease import CONTENT_WEIGHT, DROPOUT, train_ease, usual_regularization
from recommender.ranking.ensemble import BUCKETS, FORMAT, RANKERS, Model
from recommender.ranking.neighbours import train_neighbours
from recommender.ranking.rankers import train_trend, trend_of_now
from recommender.ranking.sequence import train_sequence
from recommender.ranking.signals import training_weights
from recommender.ranking.training.material import (
    Material,
    Options,
    matrix_of,
    most_met_first,
)
from recommender.ranking.untaught import weights_without_people


def fit(given: Material, options: Options, blend: Arrays) -> Model:
    """A model of all that is given, blended so; its movies are those most met first."""
    given = most_met_first(given)
    meta = {
        "format": FORMAT,
        "options": asdict(options),
        "movie_count": len(given.catalogue),
        "user_count": len(np.unique(given.placed.users)),
        "interaction_count": len(given.placed),
        "rankers": list(RANKERS),
        "buckets": list(BUCKETS),
    }
    return Model(fit_rankers(given, options) | blend, meta)


def plain_model(catalogue: Catalogue, counts: Floats, recent: Floats) -> Model:
    """What can be ranked before anything was trained: popularity, recency, genres and content."""
    arrays = _catalogue_arrays(described(catalogue), counts)
    arrays |= trend_of_now(recent)
    return Model(
        arrays | weights_without_people(), {"format": FORMAT, "movie_count": len(catalogue)}
    )


def fit_rankers(given: Material, options: Options) -> Arrays:
    """The arrays of every ranker that these interactions can teach."""
    placed, catalogue, content = given.placed, given.catalogue, given.catalogue.content
    people, matrix = matrix_of(placed, len(catalogue))
    weights, shape = training_weights(placed.signals), matrix.shape
    counts = np.bincount(placed.signals.movies, minlength=len(catalogue)).astype(np.float32)
    arrays = _catalogue_arrays(catalogue, counts)
    arrays |= train_trend(placed.signals.movies, weights, placed.signals.at, len(catalogue))
    met = np.flatnonzero(counts)
    if min(shape[0], len(met)) < 2:
        return arrays
    firmness = options.firmness * usual_regularization(matrix)
    arrays |= ease_arrays(matrix, firmness, content, options)
    arrays |= _als_arrays(matrix, met, content, options)
    arrays |= train_sequence(
        people, placed.signals.movies, weights, placed.signals.at, len(catalogue)
    )
    if len(arrays["ease.movies"]) < len(met):
        arrays |= train_neighbours(matrix, threads=options.threads)
    return arrays


def ease_arrays(matrix: Sparse, firmness: float, content: Sparse, options: Options) -> Arrays:
    """EASE as firm as this, by the other options."""
    return train_ease(
        matrix,
        regularization=firmness,
        content=content,
        dropout=options.dropout * DROPOUT,
        content_weight=options.content * CONTENT_WEIGHT,
    )


def _als_arrays(matrix: Sparse, met: Ints, content: Sparse, options: Options) -> Arrays:
    arrays = train_als(
        matrix[:, met],
        seed=options.seed,
        threads=options.threads,
        firmness=options.als_firmness * REGULARIZATION,
        iterations=options.iterations,
    )
    factors = np.zeros((matrix.shape[1], arrays["als.factors"].shape[1]), np.float32)
    factors[met] = arrays["als.factors"]
    arrays["als.factors"] = factors
    new = np.setdiff1d(np.arange(len(factors)), met)
    if content.shape[1] and content[met].nnz:
        arrays |= train_projection(factors, content, met)
        factors[new] = projected(arrays, content[new])
    return arrays


def _catalogue_arrays(catalogue: Described, counts: Floats) -> Arrays:
    return {
        "movies.ids": catalogue.movie_ids,
        "movies.counts": counts.astype(np.float32),
        **pack_sparse("content", catalogue.content),
        **pack_vocabulary(catalogue.vocabulary),
        "terms.rarity": catalogue.rarity,
    }
