"""What many interactions say together, as protobuf; and ratings in bulk back."""

from datetime import datetime
from typing import Any

from chassis.errors import Invalid
from interactions.domain.counts import InteractionStats
from interactions.domain.entries import RATING_VALUES, checked_movie_id, nearest_half
from interactions.domain.ratings import ImportedRating
from interactions.messages.values import moment, timestamp, user_id_from
from marquee.interactions.v1 import interactions_pb2 as pb


def review_message(row: Any, username: str) -> pb.Review:
    """A review as others see it."""
    return pb.Review(
        user_id=str(row.user_id),
        movie_id=row.movie_id,
        rating=row.rating,
        review=row.review,
        has_spoilers=row.has_spoilers,
        rated_at=timestamp(row.rated_at),
        username=username,
    )


def change_message(row: Any) -> pb.InteractionChange:
    """A row as a replica needs it, live or taken back."""
    return pb.InteractionChange(
        movie_id=row.movie_id,
        kind=row.kind,
        sequence=row.version,
        deleted=row.deleted_at is not None,
        rating=row.rating,
        reason=row.reason,
        occurred_at=timestamp(row.updated_at),
    )


def movie_stats_message(row: Any) -> pb.MovieStats:
    """How people here treat a movie."""
    return pb.MovieStats(
        movie_id=row.movie_id,
        ratings_count=row.ratings_count,
        average_rating=row.average_rating,
        favorites_count=row.favorites_count,
        reviews_count=row.reviews_count,
        watchlist_count=row.watchlist_count,
    )


def movie_state_message(row: Any) -> pb.MovieState:
    """What a person did with a movie."""
    return pb.MovieState(
        movie_id=row.movie_id,
        favorite=row.favorite,
        rating=row.rating,
        watchlist=row.watchlist,
        hidden=row.hidden,
    )


def interaction_stats_message(stats: InteractionStats) -> pb.GetInteractionStatsResponse:
    """A person's numbers; the histogram has all ten values."""
    counts = {row.rating: row.ratings_count for row in stats.ratings}
    total = sum(counts.values())
    weighed = sum(rating * count for rating, count in counts.items())
    return pb.GetInteractionStatsResponse(
        favorites_count=stats.favorites_count,
        ratings_count=total,
        reviews_count=sum(row.reviews_count for row in stats.ratings),
        watchlist_count=stats.watchlist_count,
        hidden_count=stats.hidden_count,
        average_rating=weighed / total if total else 0.0,
        rating_histogram=[
            pb.RatingBucket(rating=rating, count=counts.get(rating, 0)) for rating in RATING_VALUES
        ],
        genres=[
            pb.GenreCount(
                genre_id=row.genre_id,
                movies_count=row.movies_count,
                average_rating=row.average_rating,
            )
            for row in stats.genres
        ],
    )


def imported_rating(message: pb.ImportedRating, number: int, *, latest: datetime) -> ImportedRating:
    """The `number`th rating of a batch; one from the future was given now."""
    place = f"ratings.{number}"
    if not message.HasField("rated_at"):
        raise Invalid("is required", field=f"{place}.rated_at")
    return ImportedRating(
        user_id=user_id_from(message.user_id, field=f"{place}.user_id"),
        movie_id=checked_movie_id(message.movie_id, field=f"{place}.movie_id"),
        rating=nearest_half(message.rating, field=f"{place}.rating"),
        rated_at=min(moment(message.rated_at, field=f"{place}.rated_at"), latest),
    )
