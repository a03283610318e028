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
_NAMED_TERMS = ("p:", "k:")


@dataclass(frozen=True)
class Reason:
    """kind: movies, genres, trending or popular; movie ids, genre ids and terms that say so."""

    kind: str
    movie_ids: tuple[int, ...] = ()
    genre_ids: tuple[int, ...] = ()
    terms: tuple[str, ...] = ()


def reasons(
    ensemble: Ensemble, taste: Taste, movies: Ints, weights: Mapping[str, float]
) -> list[Reason]:
    """One reason a movie (positions); weights are those of its score over each ranker's spread."""
    from_movies = _from_movies(ensemble, taste, movies, weights)
    from_genres = np.zeros(len(movies), np.float32)
    if "genres" in weights and len(taste.genres):
        from_genres = weights["genres"] * ensemble.genres.chosen(taste, movies)
    crowd = _crowd(ensemble, taste, movies, weights)
    return [
        _reason(ensemble, taste, int(movie), from_movies[:, column], float(chosen), crowd[column])
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
    """Whether recency or popularity says more for each movie."""
    both = np.zeros((2, len(movies)), np.float32)
    for row, name in enumerate(("popularity", "trend")):
        ranker = ensemble.ranker(name)
        if ranker is not None and name in weights:
            both[row] = weights[name] * ranker.among(movies).scores([taste])[0]
    return ["trending" if recent > ever else "popular" for ever, recent in both.T]


def _reason(
    ensemble: Ensemble, taste: Taste, movie: int, shares: Floats, chosen: float, crowd: str
) -> Reason:
    best = float(shares.max()) if len(shares) else 0.0
    if best <= 0 and chosen <= 0:
        return Reason(crowd)
    if chosen > best:
        shared = np.isin(_genre_ids(ensemble, movie), taste.genres)
        return Reason("genres", genre_ids=tuple(_genre_ids(ensemble, movie)[shared].tolist()))
    named = np.argsort(-shares, kind="stable")[:CAUSES]
    causes = taste.movies[named[shares[named] >= _WORTH_NAMING * best]]
    return Reason(
        "movies",
        movie_ids=tuple(ensemble.movie_ids[causes].tolist()),
        genre_ids=_shared_genres(ensemble, movie, int(causes[0])),
        terms=_shared_terms(ensemble, movie, int(causes[0])),
    )


def _genre_ids(ensemble: Ensemble, movie: int) -> Ints:
    return ensemble.genres.of(movie)


def _shared_genres(ensemble: Ensemble, movie: int, cause: int) -> tuple[int, ...]:
    return tuple(_shared(_genre_ids(ensemble, movie), _genre_ids(ensemble, cause)))


def _shared_terms(ensemble: Ensemble, movie: int, cause: int) -> tuple[str, ...]:
    shared = _shared(ensemble.terms_of(movie), ensemble.terms_of(cause))
    terms = [ensemble.vocabulary[column] for column in shared]
    return tuple(term for term in terms if term.startswith(_NAMED_TERMS))[:CAUSES]


def _shared(some: Ints, others: Ints) -> list[int]:
    return sorted({*some.tolist()} & {*others.tolist()})
