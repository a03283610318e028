"""Hours, days and months (all UTC), ranges of them, and streaks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from chassis.errors import Invalid

HOUR, DAY = "hour", "day"
GRANULARITIES = (HOUR, DAY)

HOURS_KEPT = timedelta(days=92)
"""How long rollups by the hour are kept; those by the day stay."""

_LONGEST = {HOUR: timedelta(days=31), DAY: timedelta(days=731)}
_DEFAULT = {HOUR: timedelta(days=1), DAY: timedelta(days=30)}
_HOURLY_ANSWER = timedelta(days=31)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Range:
    """Buckets that begin at or after `start` and before `end`."""

    granularity: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Streaks:
    """Days with any activity, and how many of them follow each other."""

    active_days_count: int
    current_streak_days: int
    longest_streak_days: int


def bucket(moment: datetime, granularity: str) -> datetime:
    """Start of the hour or day."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if granularity == HOUR else hour.replace(hour=0)


def range_of(
    granularity: str, start: datetime | None, end: datetime | None, now: datetime
) -> Range:
    """What was asked for, widened to the bucket that `start` is in; a month or a day by default."""
    until = end or now
    if until < _EARLIEST:
        raise Invalid("must not be before 1970", field="to_time")
    since = start or until - _DEFAULT[granularity]
    if since >= until:
        raise Invalid("must be after the beginning", field="to_time")
    if until - since > _LONGEST[granularity]:
        days = _LONGEST[granularity].days
        raise Invalid(f"must be at most {days} days after the beginning", field="to_time")
    return Range(granularity, bucket(since, granularity), until)


def overview_range(start: datetime | None, end: datetime | None, now: datetime) -> Range:
    """By the hour where that is kept and not too much, else by the day."""
    days = range_of(DAY, start, end, now)
    since = start or days.end - _DEFAULT[DAY]
    if since > now - HOURS_KEPT and days.end - since <= _HOURLY_ANSWER:
        return Range(HOUR, bucket(since, HOUR), days.end)
    return days


def streaks(days: Iterable[date], today: date) -> Streaks:
    """`days` in ascending order, each once. A streak is current until a whole day is missed."""
    longest = length = count = 0
    last: date | None = None
    for day in days:
        length = length + 1 if last is not None and day - last == timedelta(days=1) else 1
        longest, count, last = max(longest, length), count + 1, day
    current = length if last is not None and last >= today - timedelta(days=1) else 0
    return Streaks(count, current, longest)


def month_of(moment: datetime) -> date:
    """First day of the month."""
    return moment.astimezone(UTC).date().replace(day=1)


def month_after(month: date, months: int) -> date:
    """First day of the month so many later, or earlier when negative."""
    number = month.year * 12 + month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def months_around(moment: datetime, *, before: int, after: int) -> Sequence[date]:
    """The month of `moment`, `before` ones before it and `after` ones after it."""
    month = month_of(moment)
    return [month_after(month, offset) for offset in range(-before, after + 1)]
