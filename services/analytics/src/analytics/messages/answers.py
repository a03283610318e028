"""Our own contract: what clients claim, and what we answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.engine import RowMapping

from analytics.domain.activities import (
    EVENT_ID_LENGTH,
    EVENTS_AT_ONCE,
    Activity,
    Observation,
    checked_activity_type,
    checked_metadata,
    checked_movie_id,
    checked_occurred_at,
    checked_size,
)
from analytics.domain.periods import DAY, HOUR, Streaks
from analytics.messages.moments import moment, timestamp
from chassis.errors import Invalid
from chassis.text import clean_text
from marquee.analytics.v1 import analytics_pb2 as pb

_GRANULARITIES: Mapping[int, str] = {
    pb.GRANULARITY_UNSPECIFIED: DAY,
    pb.GRANULARITY_HOUR: HOUR,
    pb.GRANULARITY_DAY: DAY,
}


def observations_from(
    request: pb.RecordActivityRequest, user_id: UUID, now: datetime
) -> list[Observation]:
    """What a client says its person did."""
    if len(request.events) > EVENTS_AT_ONCE:
        raise Invalid(f"must be at most {EVENTS_AT_ONCE} at once", field="events")
    return [
        _observation(event, user_id, now, request, at=f"events.{number}")
        for number, event in enumerate(request.events)
    ]


def _observation(
    event: pb.ClientEvent,
    user_id: UUID,
    now: datetime,
    request: pb.RecordActivityRequest,
    *,
    at: str,
) -> Observation:
    event_id = clean_text(
        event.event_id, field=f"{at}.event_id", min_length=1, max_length=EVENT_ID_LENGTH
    )
    field = f"{at}.occurred_at"
    claimed = optional_moment(event.occurred_at, field=field) or now
    metadata = checked_size(event.metadata_json, field=f"{at}.metadata_json")
    return Observation(
        name=f"{user_id}/{event_id}",
        user_id=user_id,
        activity_type=checked_activity_type(event.activity_type, field=f"{at}.activity_type"),
        occurred_at=checked_occurred_at(claimed, now, field=field),
        movie_id=checked_movie_id(event.movie_id, field=f"{at}.movie_id"),
        metadata=checked_metadata(metadata, field=f"{at}.metadata_json"),
        address=request.address,
        agent=request.agent,
    )


def optional_moment(message: Timestamp, *, field: str) -> datetime | None:
    """A moment, or None where it was left out."""
    return moment(message, field=field) if message.ByteSize() else None


def granularity_from(granularity: int) -> str:
    """hour or day; a day where nothing is said."""
    try:
        return _GRANULARITIES[granularity]
    except KeyError as error:
        raise Invalid("must be hour or day", field="granularity") from error


def activity_message(activity: Activity) -> pb.Activity:
    return pb.Activity(
        activity_id=str(activity.activity_id),
        activity_type=activity.activity_type,
        movie_id=activity.movie_id or 0,
        metadata_json=activity.metadata,
        occurred_at=timestamp(activity.occurred_at),
    )


def count_messages(counts: Mapping[str, int]) -> list[pb.ActivityCount]:
    return [pb.ActivityCount(activity_type=name, count=count) for name, count in counts.items()]


def stats_message(
    counts: Mapping[str, int],
    streaks: Streaks,
    first_activity_at: datetime | None,
    last_activity_at: datetime | None,
) -> pb.GetActivityStatsResponse:
    return pb.GetActivityStatsResponse(
        counts=count_messages(counts),
        active_days_count=streaks.active_days_count,
        current_streak_days=streaks.current_streak_days,
        longest_streak_days=streaks.longest_streak_days,
        first_activity_at=None if first_activity_at is None else timestamp(first_activity_at),
        last_activity_at=None if last_activity_at is None else timestamp(last_activity_at),
    )


def activity_points(rows: Sequence[RowMapping]) -> list[pb.ActivityPoint]:
    return [
        pb.ActivityPoint(
            bucket=timestamp(row["bucket"]),
            activity_type=row["activity_type"],
            count=row["count"],
            users_count=row["users_count"],
        )
        for row in rows
    ]


def recommendation_points(
    rows: Sequence[RowMapping], catalog_movies_count: int
) -> list[pb.RecommendationPoint]:
    return [
        pb.RecommendationPoint(
            bucket=timestamp(row["bucket"]),
            recommendation_type=row["recommendation_type"],
            impressions_count=row["impressions_count"],
            clicks_count=row["clicks_count"],
            click_through_rate=rate(row["clicks_count"], row["impressions_count"]),
            movies_count=row["movies_count"],
            novelty_bits=row["novelty_bits"],
            # What was shown may have left the catalogue since.
            coverage=min(1.0, rate(row["movies_count"], catalog_movies_count)),
        )
        for row in rows
    ]


def usage_points(rows: Sequence[RowMapping]) -> list[pb.ApiUsagePoint]:
    return [
        pb.ApiUsagePoint(
            bucket=timestamp(row["bucket"]),
            method=row["method"],
            route=row["route"],
            status=row["status"],
            client=row["client"],
            requests_count=row["requests_count"],
            mean_milliseconds=rate(row["total_milliseconds"], row["requests_count"]),
        )
        for row in rows
    ]


def rate(part: float, whole: float) -> float:
    """0 of nothing."""
    return part / whole if whole else 0.0
