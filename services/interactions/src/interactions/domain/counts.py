"""Interactions in numbers: of a person, and of a movie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOVIE_STATES_AT_ONCE = 100

MOVIE_STATS_AT_ONCE = 500


@dataclass(frozen=True)
class InteractionStats:
    """A person's interactions in numbers."""

    favorites_count: int
    watchlist_count: int
    hidden_count: int
    ratings: Sequence[Any]
    """rating, ratings_count, reviews_count of each value given."""
    genres: Sequence[Any]
    """genre_id, movies_count, average_rating, most first."""


@dataclass(frozen=True)
class MovieCounts:
    """How people here treat a movie, or by how much that changed."""

    ratings_count: int = 0
    ratings_sum: float = 0.0
    favorites_count: int = 0
    reviews_count: int = 0
    watchlist_count: int = 0

    def __add__(self, other: "MovieCounts") -> "MovieCounts":
        return MovieCounts(
            self.ratings_count + other.ratings_count,
            self.ratings_sum + other.ratings_sum,
            self.favorites_count + other.favorites_count,
            self.reviews_count + other.reviews_count,
            self.watchlist_count + other.watchlist_count,
        )
