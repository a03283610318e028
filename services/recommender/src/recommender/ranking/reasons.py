"""Why a movie was ranked where it is: the causes that added most to its score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.ranking.arrays import Floats, Ints
from recommender.ranking.ensemble import Ensemble
from recommender.ranking.signals import Taste

CAUSES = 3
# A movie that adds less than this share of what the best cause adds is not worth naming.
_WORTH_NAMING = 0.35
# Causes are told where they add at least this share of what they and the crowd lift a movie by.
_FAIR_SHARE = 0.25
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
    if not len(movies):
        return []
    from_movies = _from_movies(ensemble, taste, movies, weights)
    from_genres = np.zeros(len(movies), np.float32)
    if "genres" in weights and len(taste.genres):
        from_genres = weights["genres"] * ensemble.genres.chosen(taste, movies)
    crowd = _crowd(ensemble, taste, movies, weights)
    # Plain lists from here on: of three causes a movie, numpy makes more work than it saves.
    most = np.argsort(-from_movies, axis=0, kind="stable")[:CAUSES]
    shares = np.take_along_axis(from_movies, most, axis=0)
    causes = [
        [_Cause(place, adds, int(groups[place])) for place, adds in zip(*both, strict=True)]
        for both in zip(most.T.tolist(), shares.T.tolist(), strict=True)
    ]
    return [
        _reason(ensemble, taste, *each)
        for each in zip(movies.tolist(), causes, from_genres.tolist(), crowd, strict=True)
    ]


class _Cause(NamedTuple):
    """A movie's place in the taste, what it adds, and the group it may be named in."""

    place: int
    adds: float
    group: int


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


class _Crowd(NamedTuple):
    """What is said of a movie that many like, and how much that lifts it above a usual one."""

    kind: str
    lift: float


def _crowd(
    ensemble: Ensemble, taste: Taste, movies: Ints, weights: Mapping[str, float]
) -> list[_Crowd]:
    """Whether recency or popularity says more for each movie, if anybody met it."""
    both = np.zeros((2, len(movies)), np.float32)
    usual = 0.0
    for row, name in enumerate(("popularity", "trend")):
        ranker = ensemble.ranker(name)
        if ranker is not None and name in weights:
            both[row] = weights[name] * ranker.among(movies).scores([taste])[0]
            usual += weights[name] * ensemble.usual(name, taste)
    kinds = np.where(both[1] > both[0], "trending", "popular")
    kinds = np.where(ensemble.unmet[movies], "new", kinds).tolist()
    lifts = np.maximum(both.sum(axis=0) - usual, 0.0).tolist()
    return [_Crowd(kind, lift) for kind, lift in zip(kinds, lifts, strict=True)]


def _reason(
    ensemble: Ensemble,
    taste: Taste,
    movie: int,
    causes: Sequence[_Cause],
    chosen: float,
    crowd: _Crowd,
) -> Reason:
    named = _worth_naming(causes)
    if not _fair(sum(cause.adds for cause in named), crowd):
        named = []
    best = causes[0].adds if named else 0.0
    if chosen > best and _fair(chosen, crowd):
        shared = set(taste.genres.tolist())
        genres = [genre for genre in ensemble.genres.of(movie).tolist() if genre in shared]
        return Reason("genres", genre_ids=tuple(genres))
    if not named:
        return Reason(crowd.kind)
    theirs = taste.movies[[cause.place for cause in named]]
    return Reason(
        "movies",
        movie_ids=tuple(ensemble.movie_ids[theirs].tolist()),
        genre_ids=_shared_genres(ensemble, movie, int(theirs[0])),
        people=_shared_people(ensemble, movie, int(theirs[0])),
    )


def _fair(added: float, crowd: _Crowd) -> bool:
    return added > 0 and added >= _FAIR_SHARE * (added + crowd.lift)


def _worth_naming(causes: Sequence[_Cause]) -> list[_Cause]:
    """Those of the causes, the greatest first, that add much, as far as they may be named
    together."""
    if not causes:
        return []
    least = _WORTH_NAMING * causes[0].adds
    named = [one for one in causes if one.adds > 0 and one.adds >= least and one.group > 0]
    return [one for one in named if one.group == named[0].group]


def _shared_genres(ensemble: Ensemble, movie: int, cause: int) -> tuple[int, ...]:
    ours, theirs = (ensemble.genres.of(one).tolist() for one in (movie, cause))
    return tuple(sorted(set(ours) & set(theirs)))


def _shared_people(ensemble: Ensemble, movie: int, cause: int) -> tuple[str, ...]:
    ours, theirs = ensemble.terms_of(movie), ensemble.terms_of(cause)
    shared = {
        ensemble.vocabulary[column]: weight * theirs[column]
        for column, weight in ours.items()
        if column in theirs
    }
    people = [term for term in shared if term.startswith(_PERSON)]
    return tuple(sorted(people, key=lambda term: -shared[term])[:CAUSES])
