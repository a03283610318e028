"""What activity, recommendations and use of the API add up to, as JSON."""

from typing import Any, Literal

from pydantic import Field

from gateway.resources.shapes import Moment, Page, Query, Shape, page, when
from marquee.analytics.v1 import analytics_pb2 as pb

GRANULARITIES = {"hour": pb.GRANULARITY_HOUR, "day": pb.GRANULARITY_DAY}


class PeriodQuery(Query):
    """A period."""

    from_: Moment | None = Field(None, alias="from", description="Inclusive.")
    to: Moment | None = Field(None, description="Exclusive; now if left out.")


class OverviewQuery(PeriodQuery):
    """A period as a whole."""

    granularity: Literal["hour", "day"] | None = Field(
        None,
        description="Whether it is made of whole hours or of whole days; if left out, of hours"
        " where they are kept and not too many.",
    )


class SeriesQuery(PeriodQuery):
    """A period in steps."""

    granularity: Literal["hour", "day"] = Field(
        "day", description="Hours of at most 31 days, days of at most 731."
    )


class UsageQuery(SeriesQuery, Page):
    """A period in steps, by pages."""


class OverviewShape(Shape):
    """The main numbers of a period."""

    active_users_count: int = Field(description="People with stored activity.")
    activity: dict[str, int] = Field(description="Activities by type, most first.")
    impressions_count: int = Field(description="Recommendations shown.")
    clicks_count: int = Field(description="Recommendations clicked.")
    click_through_rate: float = Field(description="Clicks by impressions.")
    requests_count: int = Field(description="Requests answered.")
    server_errors_count: int = Field(description="Of these with 5xx.")


class ActivityPointShape(Shape):
    """One type of activity in one step."""

    bucket: str = Field(description="Start of the hour or day.")
    activity_type: str = Field(description="Which type.")
    count: int = Field(description="How many.")
    users_count: int = Field(description="By how many people.")


class ActivitySeries(Shape):
    """Activity over time."""

    items: list[ActivityPointShape] = Field(description="By time, then type.")
    next_page_token: str | None = Field(description="Always null: this list has one page.")


class PerformancePointShape(Shape):
    """How one type of recommendation did in one step."""

    bucket: str = Field(description="Start of the hour or day.")
    recommendation_type: str = Field(description="Which type.")
    impressions_count: int = Field(description="How many were shown.")
    clicks_count: int = Field(description="How many were clicked.")
    click_through_rate: float = Field(description="Clicks by impressions.")
    movies_count: int = Field(description="Different movies shown.")
    coverage: float = Field(description="Those by all movies of the catalogue, 0 to 1.")
    novelty_bits: float = Field(description="Mean self-information of the movies shown.")


class PerformanceSeries(Shape):
    """Recommendations over time."""

    items: list[PerformancePointShape] = Field(description="By time, then type.")
    totals: list[PerformancePointShape] = Field(
        description="The whole period by type; a movie shown in several steps counts once."
    )
    catalog_movies_count: int = Field(description="How many movies the catalogue has now.")
    next_page_token: str | None = Field(description="Always null: this list has one page.")


class UsagePointShape(Shape):
    """Use of one route in one step."""

    bucket: str = Field(description="Start of the hour or day.")
    method: str = Field(description="GET, POST …")
    route: str = Field(description="Template of the path.")
    status: int = Field(description="HTTP status.")
    client: str = Field(description="Product of the user agent.")
    requests_count: int = Field(description="How many.")
    mean_milliseconds: float = Field(description="Mean time to answer.")


class UsagePage(Shape):
    """A page of use of the API."""

    items: list[UsagePointShape] = Field(description="By time, then route.")
    next_page_token: str | None = Field(description="Null at the end.")


def overview_json(found: pb.GetOverviewResponse) -> dict[str, Any]:
    """The main numbers of a period."""
    return {
        "active_users_count": found.active_users_count,
        "activity": {one.activity_type: one.count for one in found.counts},
        "impressions_count": found.impressions_count,
        "clicks_count": found.clicks_count,
        "click_through_rate": found.click_through_rate,
        "requests_count": found.requests_count,
        "server_errors_count": found.server_errors_count,
    }


def activity_point_json(point: pb.ActivityPoint) -> dict[str, Any]:
    """One type of activity in one step."""
    return {
        "bucket": when(point.bucket),
        "activity_type": point.activity_type,
        "count": point.count,
        "users_count": point.users_count,
    }


def performance_point_json(point: pb.RecommendationPoint) -> dict[str, Any]:
    """How one type of recommendation did in one step."""
    return {
        "bucket": when(point.bucket),
        "recommendation_type": point.recommendation_type,
        "impressions_count": point.impressions_count,
        "clicks_count": point.clicks_count,
        "click_through_rate": point.click_through_rate,
        "movies_count": point.movies_count,
        "coverage": point.coverage,
        "novelty_bits": point.novelty_bits,
    }


def performance_json(found: pb.ListRecommendationPerformanceResponse) -> dict[str, Any]:
    """How recommendations did over time, and altogether."""
    return {
        **page([performance_point_json(one) for one in found.points], ""),
        "totals": [performance_point_json(one) for one in found.totals],
        "catalog_movies_count": found.catalog_movies_count,
    }


def usage_point_json(point: pb.ApiUsagePoint) -> dict[str, Any]:
    """Use of one route in one step."""
    return {
        "bucket": when(point.bucket),
        "method": point.method,
        "route": point.route,
        "status": point.status,
        "client": point.client,
        "requests_count": point.requests_count,
        "mean_milliseconds": point.mean_milliseconds,
    }
