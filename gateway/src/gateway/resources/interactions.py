"""Favorites, ratings, watchlist, hidden movies and reviews as JSON."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.resources.movies import MovieShape, MovieStateShape
from gateway.resources.shapes import TEXT, Input, LargestInt, Query, Shape, when
from marquee.interactions.v1 import interactions_pb2 as pb

Rating = Annotated[
    float,
    Field(
        ge=0.5,
        le=5.0,
        multiple_of=0.5,
        allow_inf_nan=False,
        description="0.5, 1.0 … 5.0.",
        examples=[4.5],
    ),
]


class RatingInput(Input):
    """Body of `PUT /me/ratings/{movie_id}`."""

    rating: Rating
    review: (
        Annotated[
            str,
            Field(
                max_length=10_000,
                description="What you think of it.",
                json_schema_extra={"pattern": TEXT},
            ),
        ]
        | None
    ) = None
    has_spoilers: bool = Field(default=False, description="Does the review tell the ending.")


class WatchlistInput(Input):
    """Optional body of `PUT /me/watchlist/{movie_id}`."""

    note: (
        Annotated[
            str,
            Field(
                max_length=500,
                description="A note to yourself.",
                json_schema_extra={"pattern": TEXT},
            ),
        ]
        | None
    ) = None


class HiddenInput(Input):
    """Optional body of `PUT /me/hidden/{movie_id}`."""

    reason: Literal["seen", "not_now", "never"] | None = Field(
        None, description="Why it does not interest you."
    )


class StatesQuery(Query):
    """Query parameters of `GET /me/movie-states`."""

    movie_id: list[Annotated[int, Field(ge=1, le=LargestInt)]] = Field(
        min_length=1, max_length=100, description="Up to 100 TMDb ids; repeat the parameter."
    )


class FavoriteShape(Shape):
    """A favorite."""

    movie_id: int = Field(description="TMDb id.")
    favorited_at: str = Field(description="When.")
    movie: MovieShape = Field(description="The movie.")


class RatingShape(Shape):
    """A rating."""

    movie_id: int = Field(description="TMDb id.")
    rating: float = Field(description="0.5 to 5.0.")
    review: str | None = Field(description="Null without one.")
    has_spoilers: bool = Field(description="Does the review tell the ending.")
    rated_at: str = Field(description="When it was first given.")
    updated_at: str = Field(description="When it last changed.")
    movie: MovieShape = Field(description="The movie.")


class WatchlistShape(Shape):
    """A watchlist entry."""

    movie_id: int = Field(description="TMDb id.")
    note: str | None = Field(description="Null without one.")
    added_at: str = Field(description="When.")
    movie: MovieShape = Field(description="The movie.")


class HiddenShape(Shape):
    """A hidden movie."""

    movie_id: int = Field(description="TMDb id.")
    reason: str | None = Field(description="seen, not_now, never or null.")
    hidden_at: str = Field(description="When.")
    movie: MovieShape = Field(description="The movie.")


class FavoritePage(Shape):
    """A page of favorites."""

    items: list[FavoriteShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class RatingPage(Shape):
    """A page of ratings."""

    items: list[RatingShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class WatchlistPage(Shape):
    """A page of the watchlist."""

    items: list[WatchlistShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class HiddenPage(Shape):
    """A page of hidden movies."""

    items: list[HiddenShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class MovieStateList(Shape):
    """States in the order asked for."""

    items: list[MovieStateShape] = Field(description="One for each id.")
    next_page_token: str | None = Field(description="Always null: this list has one page.")


class ReviewShape(Shape):
    """A review by somebody here."""

    movie_id: int = Field(description="TMDb id.")
    username: str | None = Field(description="Null when the author hides it.")
    rating: float = Field(description="0.5 to 5.0.")
    review: str = Field(description="Text.")
    has_spoilers: bool = Field(description="Does it tell the ending.")
    rated_at: str = Field(description="When.")


class MovieStatsShape(Shape):
    """How people here treat a movie; counted by events, so a moment behind."""

    ratings_count: int = Field(description="How many ratings.")
    average_rating: float | None = Field(description="Their mean; null without any.")
    reviews_count: int = Field(description="How many reviews.")
    favorites_count: int = Field(description="Of how many people it is a favorite.")
    watchlist_count: int = Field(description="On how many watchlists it is.")


class ReviewPage(Shape):
    """A page of reviews."""

    stats: MovieStatsShape = Field(description="Of the movie.")

    items: list[ReviewShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


def favorite_json(favorite: pb.Favorite, movie: Any) -> dict[str, Any]:
    """A favorite with its movie."""
    return {
        "movie_id": favorite.movie_id,
        "favorited_at": when(favorite.favorited_at),
        "movie": movie,
    }


def rating_json(rating: pb.Rating, movie: Any) -> dict[str, Any]:
    """A rating with its movie."""
    return {
        "movie_id": rating.movie_id,
        "rating": rating.rating,
        "review": rating.review or None,
        "has_spoilers": rating.has_spoilers,
        "rated_at": when(rating.rated_at),
        "updated_at": when(rating.updated_at),
        "movie": movie,
    }


def watchlist_json(entry: pb.WatchlistEntry, movie: Any) -> dict[str, Any]:
    """A watchlist entry with its movie."""
    return {
        "movie_id": entry.movie_id,
        "note": entry.note or None,
        "added_at": when(entry.added_at),
        "movie": movie,
    }


def hidden_json(hidden: pb.HiddenMovie, movie: Any) -> dict[str, Any]:
    """A hidden movie with its movie."""
    return {
        "movie_id": hidden.movie_id,
        "reason": hidden.reason or None,
        "hidden_at": when(hidden.hidden_at),
        "movie": movie,
    }


def state_json(state: pb.MovieState) -> dict[str, Any]:
    """What the caller did with a movie."""
    return {
        "movie_id": state.movie_id,
        "favorite": state.favorite,
        "rating": state.rating if state.HasField("rating") else None,
        "watchlist": state.watchlist,
        "hidden": state.hidden,
    }


def movie_stats_json(stats: pb.MovieStats) -> dict[str, Any]:
    """How people here treat a movie."""
    return {
        "ratings_count": stats.ratings_count,
        "average_rating": stats.average_rating or None,
        "reviews_count": stats.reviews_count,
        "favorites_count": stats.favorites_count,
        "watchlist_count": stats.watchlist_count,
    }


def review_json(review: pb.Review) -> dict[str, Any]:
    """A review by somebody here."""
    return {
        "movie_id": review.movie_id,
        "username": review.username or None,
        "rating": review.rating,
        "review": review.review,
        "has_spoilers": review.has_spoilers,
        "rated_at": when(review.rated_at),
    }
