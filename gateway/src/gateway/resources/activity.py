"""Activity and statistics as JSON."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from gateway.resources.shapes import WORDS, Input, LargestInt, Moment, Page, Query, Shape, when
from marquee.analytics.v1 import analytics_pb2 as pb
from marquee.interactions.v1 import interactions_pb2

ActivityType = Literal[
    "login",
    "logout",
    "view_movie",
    "rate_movie",
    "add_favorite",
    "remove_favorite",
    "add_watchlist",
    "remove_watchlist",
    "search",
    "view_recommendations",
    "click_recommendation",
]


class ClientEventInput(Input):
    """One thing a client saw."""

    event_id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description="Counts once.",
            examples=["e-1"],
            json_schema_extra={"pattern": WORDS},
        ),
    ]
    activity_type: ActivityType = Field(description="What happened.")
    movie_id: Annotated[int, Field(ge=1, le=LargestInt)] | None = Field(
        None, description="TMDb id."
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="At most 4 KiB of JSON.")
    occurred_at: Moment | None = Field(
        None, description="When; now if left out. Not in the future, not older than 30 days."
    )


class ActivityInput(Input):
    """Body of `POST /me/activity`."""

    events: list[ClientEventInput] = Field(min_length=1, max_length=100, description="In order.")


class DeletionQuery(Query):
    """Query parameters of `DELETE /me/activity`."""

    activity_type: ActivityType | None = Field(None, description="Only this type.")


class ActivityQuery(DeletionQuery, Page):
    """Query parameters of `GET /me/activity`."""


class ActivityShape(Shape):
    """Something you did."""

    activity_id: str = Field(description="UUID.")
    activity_type: str = Field(description="What.")
    movie_id: int | None = Field(description="TMDb id.")
    metadata: dict[str, Any] = Field(description="Details.")
    occurred_at: str = Field(description="When.")


class ActivityPage(Shape):
    """A page of activity."""

    items: list[ActivityShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class AcceptedShape(Shape):
    """What became of client events."""

    stored_count: int = Field(description="New and stored; 0 when tracking is off.")
    duplicate_count: int = Field(description="Known already.")


class RatingBucketShape(Shape):
    """How many ratings of one value."""

    rating: float = Field(description="0.5 to 5.0.")
    count: int = Field(description="How many.")


class GenreCountShape(Shape):
    """How much of one genre."""

    genre_id: int = Field(description="TMDb id.")
    name: str | None = Field(description="Name.")
    movies_count: int = Field(description="Movies you did something with.")
    average_rating: float | None = Field(description="Null without ratings.")


class StatsShape(Shape):
    """Your numbers."""

    favorites_count: int = Field(description="How many.")
    ratings_count: int = Field(description="How many.")
    reviews_count: int = Field(description="How many.")
    watchlist_count: int = Field(description="How many.")
    hidden_count: int = Field(description="How many.")
    average_rating: float | None = Field(description="Null without ratings.")
    rating_histogram: list[RatingBucketShape] = Field(description="All ten values.")
    genres: list[GenreCountShape] = Field(description="Most first.")
    activity: dict[str, int] = Field(description="Stored activities by type.")
    active_days_count: int = Field(description="Days with any stored activity.")
    current_streak_days: int = Field(description="Days in a row until today or yesterday.")
    longest_streak_days: int = Field(description="Most days in a row.")
    first_activity_at: str | None = Field(description="Null without any.")
    last_activity_at: str | None = Field(description="Null without any.")


def activity_json(activity: pb.Activity) -> dict[str, Any]:
    """Something the caller did."""
    return {
        "activity_id": activity.activity_id,
        "activity_type": activity.activity_type,
        "movie_id": activity.movie_id or None,
        "metadata": orjson.loads(activity.metadata_json or "{}"),
        "occurred_at": when(activity.occurred_at),
    }


def stats_json(
    own: interactions_pb2.GetInteractionStatsResponse,
    seen: pb.GetActivityStatsResponse,
    genre_names: Mapping[int, str],
) -> dict[str, Any]:
    """The numbers of two services as one."""
    return {
        "favorites_count": own.favorites_count,
        "ratings_count": own.ratings_count,
        "reviews_count": own.reviews_count,
        "watchlist_count": own.watchlist_count,
        "hidden_count": own.hidden_count,
        "average_rating": own.average_rating or None,
        "rating_histogram": [
            {"rating": bucket.rating, "count": bucket.count} for bucket in own.rating_histogram
        ],
        "genres": [
            {
                "genre_id": genre.genre_id,
                "name": genre_names.get(genre.genre_id),
                "movies_count": genre.movies_count,
                "average_rating": genre.average_rating or None,
            }
            for genre in own.genres
        ],
        "activity": {count.activity_type: count.count for count in seen.counts},
        "active_days_count": seen.active_days_count,
        "current_streak_days": seen.current_streak_days,
        "longest_streak_days": seen.longest_streak_days,
        "first_activity_at": when(seen.first_activity_at),
        "last_activity_at": when(seen.last_activity_at),
    }
