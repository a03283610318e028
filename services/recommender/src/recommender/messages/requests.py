"""What is asked for, checked."""

from typing import Any

from google.protobuf.message import Message

from chassis.errors import Invalid
from marquee.recommender.v1 import recommender_pb2 as pb
from recommender.domain import Filter, parse_date
from recommender.messages.values import TYPES

_MOST_VALUES = {"genre_ids": 100, "person_ids": 100, "keyword_ids": 100, "exclude_movie_ids": 500}


def type_name(number: int) -> str:
    """The name of a type of recommendation, empty for automatic."""
    if number not in TYPES:
        raise Invalid("is not a type of recommendation", field="type")
    return TYPES[number]


def filter_of(message: pb.RecommendationFilter) -> Filter:
    """A filter, checked."""
    for name, most in _MOST_VALUES.items():
        if len(getattr(message, name)) > most:
            raise Invalid(f"at most {most}", field=f"filter.{name}")
    if message.HasField("year") and not 1 <= message.year <= 9999:
        raise Invalid("must be a year", field="filter.year")
    return Filter(
        genre_ids=tuple(message.genre_ids),
        year=given(message, "year"),
        released_after=parse_date(message.released_after, name="filter.released_after"),
        released_before=parse_date(message.released_before, name="filter.released_before"),
        min_rating=_finite(message, "min_rating"),
        min_votes=given(message, "min_votes"),
        language=message.language,
        min_runtime=given(message, "min_runtime"),
        max_runtime=given(message, "max_runtime"),
        person_ids=tuple(message.person_ids),
        keyword_ids=tuple(message.keyword_ids),
        include_adult=given(message, "include_adult"),
        exclude_movie_ids=tuple(message.exclude_movie_ids),
    )


def given(message: Message, name: str) -> Any:
    """An optional field's value, None when it is unset."""
    return getattr(message, name) if message.HasField(name) else None


def _finite(message: Message, name: str) -> float | None:
    value = given(message, name)
    if value is not None and not 0.0 <= value <= 10.0:
        raise Invalid("must be between 0 and 10", field=f"filter.{name}")
    return value


def diversity_of(request: pb.RecommendRequest) -> float | None:
    """The diversity asked for, None when the preference decides."""
    value = given(request, "diversity")
    if value is not None and not 0.0 <= value <= 1.0:
        raise Invalid("must be between 0.0 and 1.0", field="diversity")
    return value
