"""What admins see of activity, recommendations and use of the API."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from gateway import context
from gateway.entities import tagged
from gateway.resources import analytics as shapes
from gateway.resources.shapes import page, stamp
from gateway.routes.frame import Admin, personal, refusals
from marquee.analytics.v1 import analytics_pb2 as pb

router = personal("admin", "/admin/analytics")


@router.get(
    "/overview",
    response_model=shapes.OverviewShape,
    summary="Get the main numbers",
    responses=refusals(401, 403),
)
async def get_overview(
    request: Request, caller: Admin, query: Annotated[shapes.OverviewQuery, Query()]
) -> Response:
    """Of a period; the last 30 days if none is named, the last 24 hours by the hour."""
    asked = _period(query)
    if query.granularity:
        asked["granularity"] = shapes.GRANULARITIES[query.granularity]
    reply = await context.of(request).services.analytics.GetOverview(
        pb.GetOverviewRequest(**asked), metadata=caller.metadata
    )
    return tagged(request, shapes.overview_json(reply))


@router.get(
    "/activity",
    response_model=shapes.ActivitySeries,
    summary="List activity over time",
    responses=refusals(401, 403),
)
async def list_activity_series(
    request: Request, caller: Admin, query: Annotated[shapes.SeriesQuery, Query()]
) -> Response:
    """How much of each type, and by how many people."""
    reply = await context.of(request).services.analytics.ListActivitySeries(
        pb.ListActivitySeriesRequest(**_series(query)), metadata=caller.metadata
    )
    return tagged(request, page([shapes.activity_point_json(one) for one in reply.points], ""))


@router.get(
    "/recommendations",
    response_model=shapes.PerformanceSeries,
    summary="List how recommendations did",
    responses=refusals(401, 403),
)
async def list_recommendation_performance(
    request: Request, caller: Admin, query: Annotated[shapes.SeriesQuery, Query()]
) -> Response:
    """Click-through, coverage and novelty by type, over time and of the whole period."""
    reply = await context.of(request).services.analytics.ListRecommendationPerformance(
        pb.ListRecommendationPerformanceRequest(**_series(query)), metadata=caller.metadata
    )
    return tagged(request, shapes.performance_json(reply))


@router.get(
    "/api-usage",
    response_model=shapes.UsagePage,
    summary="List use of the API",
    responses=refusals(401, 403),
)
async def list_api_usage(
    request: Request, caller: Admin, query: Annotated[shapes.UsageQuery, Query()]
) -> Response:
    """Requests and their mean time by route, status and client over time."""
    reply = await context.of(request).services.analytics.ListApiUsage(
        pb.ListApiUsageRequest(**_series(query), page_size=query.size, page_token=query.page_token),
        metadata=caller.metadata,
    )
    items = [shapes.usage_point_json(one) for one in reply.points]
    return tagged(request, page(items, reply.next_page_token))


def _series(query: shapes.SeriesQuery) -> dict[str, Any]:
    return {**_period(query), "granularity": shapes.GRANULARITIES[query.granularity]}


def _period(query: shapes.PeriodQuery) -> dict[str, Any]:
    named = {"from": query.from_, "to": query.to}
    return {
        f"{name}_time": stamp(moment, f"/{name}", where="query")
        for name, moment in named.items()
        if moment is not None
    }
