"""AnalyticsService: people's own activity, and sums for administrators.

Whose activity it is comes from the token, never from the request.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import grpc

from analytics.domain.activities import checked_activity_type
from analytics.domain.periods import Range, overview_range, range_of, streaks
from analytics.messages import answers
from analytics.operations import activities as operations
from analytics.operations.catalog import CatalogSize
from analytics.operations.consents import Consents
from analytics.store import activities, rollups
from analytics.store.export import SECTIONS
from chassis.database import Database
from chassis.errors import Unauthenticated
from chassis.export import export_page
from chassis.identity import require_user
from chassis.paging import PageTokens, page_size
from marquee.analytics.v1 import analytics_pb2 as pb
from marquee.analytics.v1 import analytics_pb2_grpc

_SteppedRequest = (
    pb.GetOverviewRequest
    | pb.ListActivitySeriesRequest
    | pb.ListRecommendationPerformanceRequest
    | pb.ListApiUsageRequest
)


class AnalyticsServicer(analytics_pb2_grpc.AnalyticsServiceServicer):
    """The contract, answered."""

    def __init__(
        self,
        database: Database,
        consents: Consents,
        catalog_size: CatalogSize,
        page_tokens: PageTokens,
        hiding: operations.Hiding,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._consents = consents
        self._catalog_size = catalog_size
        self._page_tokens = page_tokens
        self._hiding = hiding
        self._now = now

    def RecordActivity(
        self, request: pb.RecordActivityRequest, context: grpc.ServicerContext
    ) -> pb.RecordActivityResponse:
        user_id, now = _user_id(), self._now()
        observations = answers.observations_from(request, user_id, now)
        if not observations:
            return pb.RecordActivityResponse()
        consents = self._consents.of({user_id})
        with self._database.begin() as connection:
            kept = operations.keep(
                connection, observations, consents=consents, hiding=self._hiding, at=now
            )
        return pb.RecordActivityResponse(
            stored_count=kept.stored_count, duplicate_count=kept.duplicate_count
        )

    def ListActivity(
        self, request: pb.ListActivityRequest, context: grpc.ServicerContext
    ) -> pb.ListActivityResponse:
        user_id, size = _user_id(), page_size(request.page_size)
        activity_type = _optional_type(request.activity_type)
        scope, after = f"activity:{user_id}:{activity_type}", activities.BEFORE_ALL
        if request.page_token:
            moment, activity_id = self._page_tokens.decode(scope, request.page_token)
            after = datetime.fromisoformat(moment), UUID(activity_id)
        with self._database.read() as connection:
            found = activities.page(connection, user_id, activity_type, after=after, size=size)
        token = ""
        if len(found) > size:
            last = found[size - 1]
            place = [last.occurred_at.isoformat(), str(last.activity_id)]
            token = self._page_tokens.encode(scope, place)
        return pb.ListActivityResponse(
            activities=[answers.activity_message(one) for one in found[:size]],
            next_page_token=token,
        )

    def DeleteActivity(
        self, request: pb.DeleteActivityRequest, context: grpc.ServicerContext
    ) -> pb.DeleteActivityResponse:
        user_id, activity_type = _user_id(), _optional_type(request.activity_type)
        with self._database.begin() as connection:
            deleted_count = operations.delete_activity(
                connection, user_id, activity_type, hiding=self._hiding, at=self._now()
            )
        return pb.DeleteActivityResponse(deleted_count=deleted_count)

    def GetActivityStats(
        self, request: pb.GetActivityStatsRequest, context: grpc.ServicerContext
    ) -> pb.GetActivityStatsResponse:
        since = answers.optional_moment(request.since, field="since")
        with self._database.read() as connection:
            summary = activities.summary(connection, _user_id(), since)
        today = self._now().astimezone(UTC).date()
        return answers.stats_message(
            summary.counts,
            streaks(summary.days, today),
            summary.first_activity_at,
            summary.last_activity_at,
        )

    def ExportPersonalData(
        self, request: pb.ExportPersonalDataRequest, context: grpc.ServicerContext
    ) -> pb.ExportPersonalDataResponse:
        with self._database.read() as connection:
            document, token = export_page(
                connection, SECTIONS, _user_id(), self._page_tokens, request.page_token
            )
        return pb.ExportPersonalDataResponse(document_json=document, next_page_token=token)

    def GetOverview(
        self, request: pb.GetOverviewRequest, context: grpc.ServicerContext
    ) -> pb.GetOverviewResponse:
        asked = self._range(request) if request.granularity else self._whole_range(request)
        with self._database.read() as connection:
            found = rollups.overview(connection, asked)
        return pb.GetOverviewResponse(
            active_users_count=found.active_users_count,
            counts=answers.count_messages(found.counts),
            impressions_count=found.impressions_count,
            clicks_count=found.clicks_count,
            click_through_rate=answers.rate(found.clicks_count, found.impressions_count),
            requests_count=found.requests_count,
            server_errors_count=found.server_errors_count,
        )

    def ListActivitySeries(
        self, request: pb.ListActivitySeriesRequest, context: grpc.ServicerContext
    ) -> pb.ListActivitySeriesResponse:
        asked = self._range(request)
        with self._database.read() as connection:
            rows = rollups.activity_series(connection, asked)
        return pb.ListActivitySeriesResponse(points=answers.activity_points(rows))

    def ListRecommendationPerformance(
        self, request: pb.ListRecommendationPerformanceRequest, context: grpc.ServicerContext
    ) -> pb.ListRecommendationPerformanceResponse:
        asked, movies_count = self._range(request), self._catalog_size()
        with self._database.read() as connection:
            rows = rollups.recommendation_series(connection, asked)
            totals = rollups.recommendation_totals(connection, asked)
        return pb.ListRecommendationPerformanceResponse(
            points=answers.recommendation_points(rows, movies_count),
            totals=answers.recommendation_points(totals, movies_count),
            catalog_movies_count=movies_count,
        )

    def ListApiUsage(
        self, request: pb.ListApiUsageRequest, context: grpc.ServicerContext
    ) -> pb.ListApiUsageResponse:
        size, asked = page_size(request.page_size), self._range(request)
        # Without the moments: a period left open ends now, and so elsewhere with each page.
        scope, after = f"api-usage:{asked.granularity}", None
        if request.page_token:
            bucket, *rest = self._page_tokens.decode(scope, request.page_token)
            after = datetime.fromisoformat(bucket), *rest
        with self._database.read() as connection:
            rows = rollups.usage_page(connection, asked, after=after, size=size)
        token = ""
        if len(rows) > size:
            last = rows[size - 1]
            rest = [last[name] for name in ("route", "method", "status", "client")]
            token = self._page_tokens.encode(scope, [last["bucket"].isoformat(), *rest])
        return pb.ListApiUsageResponse(
            points=answers.usage_points(rows[:size]), next_page_token=token
        )

    def _whole_range(self, request: pb.GetOverviewRequest) -> Range:
        return overview_range(
            answers.optional_moment(request.from_time, field="from_time"),
            answers.optional_moment(request.to_time, field="to_time"),
            self._now(),
        )

    def _range(self, request: _SteppedRequest) -> Range:
        return range_of(
            answers.granularity_from(request.granularity),
            answers.optional_moment(request.from_time, field="from_time"),
            answers.optional_moment(request.to_time, field="to_time"),
            self._now(),
        )


def _user_id() -> UUID:
    user_id = require_user().user_id
    if user_id is None:
        raise Unauthenticated("sign in first")
    return user_id


def _optional_type(activity_type: str) -> str:
    return checked_activity_type(activity_type, field="activity_type") if activity_type else ""
