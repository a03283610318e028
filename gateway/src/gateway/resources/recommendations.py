"""Recommendations as JSON."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.resources.movies import MovieFilters, MovieShape
from gateway.resources.shapes import LargestInt, Page, Shape, when
from marquee.recommender.v1 import recommender_pb2 as pb

TYPES = {
    "auto": pb.RECOMMENDATION_TYPE_UNSPECIFIED,
    "trending": pb.RECOMMENDATION_TYPE_TRENDING,
    "popular": pb.RECOMMENDATION_TYPE_POPULAR,
    "genre_based": pb.RECOMMENDATION_TYPE_GENRE_BASED,
    "content_based": pb.RECOMMENDATION_TYPE_CONTENT_BASED,
    "collaborative": pb.RECOMMENDATION_TYPE_COLLABORATIVE,
    "hybrid": pb.RECOMMENDATION_TYPE_HYBRID,
}
_NAMES = {number: name for name, number in TYPES.items() if name != "auto"}


class RecommendationQuery(Page, MovieFilters):
    """Query parameters of `GET /me/recommendations`."""

    type: Literal[
        "auto", "trending", "popular", "genre_based", "collaborative", "content_based", "hybrid"
    ] = Field("auto", description="Which way to recommend.")
    diversity: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="Overrides the preference."
    )
    exclude_movie_id: list[Annotated[int, Field(ge=1, le=LargestInt)]] = Field(
        default_factory=list, max_length=500, description="None of these; repeat the parameter."
    )


class HistoryQuery(Page):
    """Query parameters of `GET /me/recommendations/history`."""

    clicked: bool = Field(default=False, description="Only clicked ones.")


class ReasonShape(Shape):
    """Why a movie is recommended."""

    kind: str = Field(
        description="because_you_rated, because_you_favorited, because_on_watchlist, genre,"
        " trending, popular or new (nobody has seen it yet)."
    )
    text: str = Field(description="One sentence.")
    movie_ids: list[int] = Field(
        description="The caller's movies that contributed most, the first most of all."
    )
    genre_ids: list[int] = Field(
        description="The favorite genres it is of, or those it shares with the first movie."
    )
    person_ids: list[int] = Field(description="People who made the first of those movies too.")


class RecommendationShape(Shape):
    """A movie offered."""

    recommendation_id: str = Field(description="UUID; names it for a click.")
    movie: MovieShape = Field(description="The movie.")
    recommendation_type: str = Field(description="Which ranker gave it.")
    score: float = Field(description="Higher is better; comparable within a list only.")
    position: int = Field(description="1 first, over all pages of the list.")
    reason: ReasonShape = Field(description="Why.")


class RecommendationPage(Shape):
    """A page of one list."""

    items: list[RecommendationShape] = Field(description="Best first.")
    next_page_token: str | None = Field(description="Null at the end.")
    list_id: str = Field(description="The list all its pages share.")
    model_version: str | None = Field(description="Null without a model.")
    generated_at: str = Field(description="When the list was ranked.")
    degraded: bool = Field(description="Without the model, or without what you did last.")


class RecordShape(RecommendationShape):
    """A recommendation as the history keeps it."""

    list_id: str = Field(description="The list it was on.")
    model_version: str | None = Field(description="Null without a model.")
    recommended_at: str = Field(description="When.")
    clicked_at: str | None = Field(description="Null when it was not clicked.")


class HistoryPage(Shape):
    """A page of history."""

    items: list[RecordShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


def recommendation_json(one: pb.Recommendation, movie: Any) -> dict[str, Any]:
    """A movie offered."""
    return {
        "recommendation_id": one.recommendation_id,
        "movie": movie,
        "recommendation_type": _NAMES.get(one.recommendation_type, "hybrid"),
        "score": one.score,
        "position": one.position,
        "reason": {
            "kind": one.reason.kind,
            "text": one.reason.text,
            "movie_ids": list(one.reason.movie_ids),
            "genre_ids": list(one.reason.genre_ids),
            "person_ids": list(one.reason.person_ids),
        },
    }


def record_json(record: pb.RecommendationRecord, movie: Any) -> dict[str, Any]:
    """A recommendation as the history keeps it."""
    return recommendation_json(record.recommendation, movie) | {
        "list_id": record.list_id,
        "model_version": record.model_version or None,
        "recommended_at": when(record.recommended_at),
        "clicked_at": when(record.clicked_at),
    }
