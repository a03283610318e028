"""The filters of browsing, checked."""

from collections.abc import Sequence
from datetime import date

from catalog.rpc.frame import checked_date, checked_id
from catalog.store.filtering import Filter
from chassis.errors import Invalid
from chassis.text import clean_text
from marquee.catalog.v1 import catalog_pb2 as pb

YEARS = range(1800, 2201)
_FILTERS_LIMIT = 20
_HIGHEST_RATING = 10


def wanted_movies(asked: pb.MovieFilter) -> Filter:
    """What to keep, or Invalid naming the part that makes no sense."""
    after = checked_date(asked.released_after, "filter.released_after")
    before = checked_date(asked.released_before, "filter.released_before")
    if asked.HasField("year"):
        if asked.year not in YEARS:
            raise Invalid("is not a year", field="filter.year")
        first, last = date(asked.year, 1, 1), date(asked.year, 12, 31)
        after, before = max(after or first, first), min(before or last, last)
    if asked.HasField("min_rating") and not 0 <= asked.min_rating <= _HIGHEST_RATING:
        raise Invalid("must be between 0 and 10", field="filter.min_rating")
    language = clean_text(asked.language, field="filter.language", max_length=3)
    return Filter(
        genre_ids=_ids(asked.genre_ids, "genre_ids"),
        released_after=after,
        released_before=before,
        min_rating=asked.min_rating if asked.HasField("min_rating") else None,
        min_votes=asked.min_votes if asked.HasField("min_votes") else None,
        language=language.lower(),
        min_runtime=asked.min_runtime if asked.HasField("min_runtime") else None,
        max_runtime=asked.max_runtime if asked.HasField("max_runtime") else None,
        person_ids=_ids(asked.person_ids, "person_ids"),
        keyword_ids=_ids(asked.keyword_ids, "keyword_ids"),
        include_adult=asked.include_adult,
    )


def _ids(values: Sequence[int], name: str) -> tuple[int, ...]:
    if len(values) > _FILTERS_LIMIT:
        raise Invalid(f"at most {_FILTERS_LIMIT} at once", field=f"filter.{name}")
    return tuple(sorted({checked_id(value, f"filter.{name}") for value in values}))
