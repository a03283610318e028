"""A request as the endpoints see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl

from tmdb_standin.errors import date_range_too_long, invalid_page, too_many_appended
from tmdb_standin.lists import PAGE_LIMIT
from tmdb_standin.values import day_of, whole

APPENDED_LIMIT = 20
CHANGE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, and as of which moment it is answered."""

    parts: tuple[str, ...]
    query: Mapping[str, str]
    base_url: str
    as_of: datetime

    @property
    def today(self) -> date:
        """The day of the answer."""
        return self.as_of.date()

    @property
    def language(self) -> str:
        """The asked language without its country."""
        return self.query.get("language", "en-US").split("-")[0].lower()

    @property
    def page(self) -> int:
        """The asked page, 1 to 500."""
        text = self.query.get("page", "1")
        page = whole(text)
        if page is None or not 1 <= page <= PAGE_LIMIT:
            raise invalid_page()
        return page

    @property
    def appended(self) -> tuple[str, ...]:
        """The parts to append, each once."""
        return _names(self.query.get("append_to_response", ""))

    @property
    def image_languages(self) -> set[str] | None:
        """Languages of images: those asked, else that of the request, else all."""
        if included := self.query.get("include_image_language"):
            return set(included.split(","))
        return {self.language} if "language" in self.query else None

    def window(self) -> tuple[datetime, datetime]:
        """The window of changes: the last 24 hours, or whole days of at most a fortnight."""
        start, end = self.query.get("start_date"), self.query.get("end_date")
        if not start and not end:
            return self.as_of - timedelta(days=1), self.as_of
        last = day_of(end).toordinal() if end else None
        today = self.today.toordinal()
        first = day_of(start).toordinal() if start else max(1, (last or today) - 1)
        last = last or min(first + CHANGE_DAYS, today)
        if last < first or last - first > CHANGE_DAYS:
            raise date_range_too_long()
        end_of_last = _midnight(last) + timedelta(days=1, microseconds=-1)
        return _midnight(first), min(end_of_last, self.as_of)


def _midnight(ordinal: int) -> datetime:
    return datetime.combine(date.fromordinal(ordinal), datetime.min.time(), UTC)


@lru_cache(maxsize=64)
def query_of(text: str) -> Mapping[str, str]:
    """A query string, taken apart."""
    return dict(parse_qsl(text, keep_blank_values=True))


@lru_cache(maxsize=64)
def _names(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) > APPENDED_LIMIT:
        raise too_many_appended()
    return tuple(dict.fromkeys(names))
