"""Counting by the hour and the day, in the transaction of what is counted: so exactly once."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from analytics.domain.activities import Activity
from analytics.domain.counted import Clicked, Shown, Usage
from analytics.domain.periods import GRANULARITIES, bucket
from analytics.store import rollups
from analytics.store.rollups import Key
from analytics.tables import (
    activity_rollup,
    api_usage_rollup,
    recommendation_movie,
    recommendation_rollup,
)

_HOUR_SECONDS = 3600


def count_activities(connection: Connection, activities: Sequence[Activity]) -> None:
    """Count what is stored, and by how many people, at the time it happened."""
    told = [
        (int(one.occurred_at.timestamp()) // _HOUR_SECONDS, one.activity_type, one.actor)
        for one in activities
    ]
    counts: Counter[Key] = Counter()
    actors: set[tuple[str, datetime, str, UUID]] = set()
    for (hour, activity_type, actor), count in Counter(told).items():
        moment = datetime.fromtimestamp(hour * _HOUR_SECONDS, UTC)
        for granularity in GRANULARITIES:
            key = granularity, bucket(moment, granularity), activity_type
            counts[key] += count
            actors.add((*key, actor))
    users = Counter(rollups.add_actors(connection, actors))
    sums = {key: (count, users[key]) for key, count in counts.items()}
    rollups.add(connection, activity_rollup, sums)


def count_recommendations(
    connection: Connection, shown: Sequence[Shown], clicked: Sequence[Clicked]
) -> None:
    """Count what was shown and what was clicked, whose it ever was."""
    impressions: Counter[Key] = Counter()
    clicks: Counter[Key] = Counter()
    movies: Counter[Key] = Counter()
    for granularity in GRANULARITIES:
        for one in shown:
            key = granularity, bucket(one.served_at, granularity), one.recommendation_type
            impressions[key] += len(one.movie_ids)
            movies.update((*key, movie_id) for movie_id in one.movie_ids)
        for click in clicked:
            moment = bucket(click.recommended_at, granularity)
            clicks[granularity, moment, click.recommendation_type] += 1
    sums = {key: (impressions[key], clicks[key]) for key in impressions.keys() | clicks.keys()}
    rollups.add(connection, recommendation_rollup, sums)
    rollups.add(connection, recommendation_movie, {key: (count,) for key, count in movies.items()})


def count_usage(connection: Connection, usages: Sequence[Usage]) -> None:
    """Count requests and their time."""
    sums: defaultdict[Key, list[float]] = defaultdict(lambda: [0, 0.0])
    for usage in usages:
        for granularity in GRANULARITIES:
            moment = bucket(usage.minute, granularity)
            key = granularity, moment, usage.route, usage.method, usage.status, usage.client
            sums[key][0] += usage.requests_count
            sums[key][1] += usage.total_milliseconds
    rollups.add(connection, api_usage_rollup, sums)
