"""Made-up people and movies whose numbers are shaped like real ones: a long tail on both sides."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

DAY_SECONDS = 86_400
_GENRES = 20
_TASTES = 40
# Of a person's movies, this share is of one of their tastes.
_FAITHFUL = 0.7
# This share of the movies may be rated at all, by a power law that is flat among the first.
_MET, _TAIL, _HEAD = 0.112, 1.1, 40.0
_YEARS = 3
# What a person likes, by their number: three tastes (3 x kinds of people).
_TASTES_OF = np.random.default_rng(3).integers(0, _TASTES, (3, 1_000))


@dataclass(frozen=True)
class Ratings:
    """Parallel: who (numbers from 0), which movie (ids from 1), half stars 1 to 10, and when."""

    people: Ints
    movies: Ints
    halves: Ints
    at: Ints


def taste_of(movies: Ints) -> Ints:
    """What taste a movie is to: its genres and its audience follow from it."""
    return (movies * 2_654_435_761 >> 7) % _TASTES


def genres_of(movie: int) -> tuple[int, int]:
    """A movie's two genres, ids from 1."""
    taste = (movie * 2_654_435_761 >> 7) % _TASTES
    return taste % _GENRES + 1, taste * 7 % _GENRES + 1


def ratings(people_count: int, movie_count: int, count: int, *, until: int) -> Ratings:
    """About `count` ratings of different pairs; the last of them a moment before `until`."""
    rng = np.random.default_rng(11)
    activity = rng.lognormal(0.0, 1.1, people_count) + 0.05
    people = rng.choice(people_count, round(count * 1.3), p=activity / activity.sum())
    movies = _chosen(rng, people, movie_count)
    pairs = np.unique(people * np.int64(movie_count + 1) + movies)
    pairs = np.sort(rng.permutation(pairs)[:count])
    people, movies = np.divmod(pairs, movie_count + 1)
    liked = _has_taste(people, taste_of(movies))
    halves = np.clip(np.rint(rng.normal(np.where(liked, 8.2, 6.2), 1.8)), 1, 10).astype(np.int64)
    began = rng.integers(0, _YEARS * 365, people_count)[people]
    days = began + rng.random(len(people)) * (_YEARS * 365 - began)
    at = until - (_YEARS * 365 * DAY_SECONDS - (days * DAY_SECONDS).astype(np.int64)) - 1
    return Ratings(people, movies, halves, at)


def _chosen(rng: np.random.Generator, people: Ints, movie_count: int) -> Ints:
    """A movie each: by popularity, and mostly among those of the person's tastes."""
    met = max(round(_MET * movie_count), _TASTES)
    # Popularity has nothing to do with the order of ids.
    ranked = rng.permutation(movie_count)[:met] + 1
    weights = (np.arange(met) + _HEAD) ** -_TAIL
    movies = ranked[rng.choice(met, len(people), p=weights / weights.sum())]
    wanted = _TASTES_OF[:, people % len(_TASTES_OF[0])][
        rng.integers(0, len(_TASTES_OF), len(people)), np.arange(len(people))
    ]
    faithful = rng.random(len(people)) < _FAITHFUL
    for taste in range(_TASTES):
        mine = np.flatnonzero(faithful & (wanted == taste))
        theirs = np.flatnonzero(taste_of(ranked) == taste)
        if len(mine) and len(theirs):
            share = weights[theirs] / weights[theirs].sum()
            movies[mine] = ranked[rng.choice(theirs, len(mine), p=share)]
    return movies


def _has_taste(people: Ints, tastes: Ints) -> NDArray[np.bool_]:
    return (_TASTES_OF[:, people % len(_TASTES_OF[0])] == tastes).any(axis=0)
