"""Why a movie was ranked where it is: the causes that added most to its score."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.ranking.arrays import Floats, Ints
from recommender.ranking.ensemble import Ensemble
from recommender.ranking.signals import Taste

CAUSES = 3
# A movie that adds less than this share of what the best cause adds is not worth naming.
_WORTH_NAMING = 0.35
_PERSON = "p:"


@dataclass(frozen=True)
class Reason:
    """kind: movies, genres, trending, popular or new (nobody met it). The movies named, and the
    genres and people (as terms) that the first of them shares, what tells most first."""

    kind: str
    movie_ids: tuple[int, ...] = ()
    genre_ids: tuple[int, ...] = ()
    people: tuple[str, ...] = ()


def reasons(
    ensemble: Ensemble, taste: Taste, movies: Ints, weights: Mapping[str, float], groups: Ints
) -> list[Reason]:
    """One reason a movie (positions); weights are those of its score over each ranker's spread.

    groups (len(taste),): movies of one group are named together, those of 0 never.
    """
    from_movies = _from_movies(ensemble, taste, movies, weights)
    from_genres = np.zeros(len(movies), np.float32)
    if "genres" in weights and len(taste.genres):
        from_genres = weights["genres"] * ensemble.genres.chosen(taste, movies)
    crowd = _crowd(ensemble, taste, movies, weights)
    return [
        _reason(
            ensemble,
            taste,
            int(movie),
            from_movies[:, column],
            float(chosen),
            crowd[column],
            groups,
        )
        for column, (movie, chosen) in enumerate(zip(movies, from_genres, strict=True))
    ]


def _from_movies(
    ensemble: Ensemble, taste: Taste, movies: Ints, weights: Mapping[str, float]
) -> Floats:
    total = np.zeros((len(taste), len(movies)), np.float32)
    if not total.size:
        return total
    for name, weight in weights.items():
        ranker = ensemble.ranker(name)
        part = ranker.contributions(taste, movies) if ranker is not None else None
        if part is not None:
            total += np.float32(weight) * part
    return total


def _crowd(
    ensemble: Ensemble, taste: Taste, movies: Ints, weights: Mapping[str, float]
) -> list[str]:
    """Whether recency or popularity says more for each movie, if anybody met it."""
    both = np.zeros((2, len(movies)), np.float32)
    for row, name in enumerate(("popularity", "trend")):
        ranker = ensemble.ranker(name)
        if ranker is not None and name in weights:
            both[row] = weights[name] * ranker.among(movies).scores([taste])[0]
    said = np.where(both[1] > both[0], "trending", "popular")
    return np.where(ensemble.unmet[movies], "new", said).tolist()


def _reason(
    ensemble: Ensemble,
    taste: Taste,
    movie: int,
    shares: Floats,
    chosen: float,
    crowd: str,
    groups: Ints,
) -> Reason:
    named = _worth_naming(shares, groups)
    best = float(shares.max()) if len(named) else 0.0
    if chosen > best:
        shared = np.isin(_genre_ids(ensemble, movie), taste.genres)
        return Reason("genres", genre_ids=tuple(_genre_ids(ensemble, movie)[shared].tolist()))
    if not len(named):
        return Reason(crowd)
    causes = taste.movies[named]
    return Reason(
        "movies",
        movie_ids=tuple(ensemble.movie_ids[causes].tolist()),
        genre_ids=_shared_genres(ensemble, movie, int(causes[0])),
        people=_shared_people(ensemble, movie, int(causes[0])),
    )


def _worth_naming(shares: Floats, groups: Ints) -> Ints:
    """Which causes add most and much, as many of them as may be named together."""
    most = np.argsort(-shares, kind="stable")[:CAUSES]
    least = _WORTH_NAMING * float(shares[most].max(initial=0.0))
    named = most[(shares[most] > 0) & (shares[most] >= least) & (groups[most] > 0)]
    return named[groups[named] == groups[named[:1]]]


def _genre_ids(ensemble: Ensemble, movie: int) -> Ints:
    return ensemble.genres.of(movie)


def _shared_genres(ensemble: Ensemble, movie: int, cause: int) -> tuple[int, ...]:
    shared = np.intersect1d(_genre_ids(ensemble, movie), _genre_ids(ensemble, cause))
    return tuple(shared.tolist())


def _shared_people(ensemble: Ensemble, movie: int, cause: int) -> tuple[str, ...]:
    ours, theirs = ensemble.terms_of(movie), ensemble.terms_of(cause)
    shared = {
        ensemble.vocabulary[column]: weight * theirs[column]
        for column, weight in ours.items()
        if column in theirs
    }
    people = [term for term in shared if term.startswith(_PERSON)]
    return tuple(sorted(people, key=lambda term: -shared[term])[:CAUSES])
