"""Hours, days, months and streaks."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from analytics.domain.counted import Usage
from analytics.domain.periods import (
    DAY,
    HOUR,
    Streaks,
    bucket,
    month_after,
    months_around,
    overview_range,
    range_of,
    streaks,
)
from chassis.errors import Invalid

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TODAY = date(2026, 3, 4)


def days(*ago: int) -> list[date]:
    return sorted(TODAY - timedelta(days=one) for one in ago)


@pytest.mark.parametrize(
    ("active", "expected"),
    [
        (days(), Streaks(0, 0, 0)),
        (days(0), Streaks(1, 1, 1)),
        (days(1, 2), Streaks(2, 2, 2)),
        (days(2, 3, 4), Streaks(3, 0, 3)),
        (days(0, 1, 5, 6, 7), Streaks(5, 2, 3)),
    ],
)
def test_a_streak_lasts_until_a_day_is_missed(active, expected):
    assert streaks(active, TODAY) == expected


def test_buckets_are_utc():
    moment = datetime(2026, 3, 4, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert bucket(moment, HOUR) == datetime(2026, 3, 3, 23, tzinfo=UTC)
    assert bucket(moment, DAY) == datetime(2026, 3, 3, tzinfo=UTC)


def test_a_range_begins_with_the_bucket_its_start_is_in():
    asked = range_of(HOUR, NOW - timedelta(hours=1), NOW, NOW)
    assert asked.start == datetime(2026, 3, 4, 4, tzinfo=UTC)
    assert asked.end == NOW


@pytest.mark.parametrize(
    ("granularity", "length"),
    [(HOUR, timedelta(days=32)), (DAY, timedelta(days=800)), (DAY, timedelta(0))],
)
def test_a_range_that_is_empty_or_too_long_is_refused(granularity, length):
    with pytest.raises(Invalid):
        range_of(granularity, NOW - length, NOW, NOW)


def test_an_overview_is_exact_to_the_hour_while_hours_are_kept():
    assert overview_range(NOW - timedelta(days=2), None, NOW).granularity == HOUR
    long_ago = NOW - timedelta(days=200)
    assert overview_range(long_ago, long_ago + timedelta(days=2), NOW).granularity == DAY


def test_a_start_at_the_beginning_of_time_is_refused_and_nothing_breaks():
    first = datetime.min.replace(tzinfo=UTC)
    with pytest.raises(Invalid):
        range_of(DAY, None, first, NOW)
    with pytest.raises(Invalid):
        overview_range(None, first, NOW)


def test_months_follow_each_other_over_the_year():
    assert month_after(date(2026, 12, 1), 1) == date(2027, 1, 1)
    assert month_after(date(2026, 1, 1), -1) == date(2025, 12, 1)
    assert list(months_around(NOW, before=1, after=1)) == [
        date(2026, 2, 1),
        date(2026, 3, 1),
        date(2026, 4, 1),
    ]


@pytest.mark.parametrize(("status", "count"), [(99, 1), (600, 1), (200, -1)])
def test_impossible_usage_is_refused(status, count):
    with pytest.raises(Invalid):
        Usage("GET", "/", status, "c", count, 1.0, NOW)
