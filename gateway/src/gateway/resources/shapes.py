"""What the shapes of all nouns share."""

import re
from datetime import date, datetime
from typing import Annotated, Any

import orjson
from fastapi import Response
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from chassis.text import DIRECTIONS, INVISIBLE, UNJOINED
from gateway.problems import invalid

LargestInt = 2**53 - 1
"""The largest that every reader of JSON holds exactly (RFC 7493)."""

MovieId = Annotated[int, Field(ge=1, le=LargestInt, description="TMDb id of a movie.")]
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""Text without control characters."""
WORDS = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
"""A line that is not blank."""
TEXT = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{DIRECTIONS}]*$"
"""Text of several lines that keeps its direction."""
_WRITTEN = f"[^{UNJOINED}{INVISIBLE}]"
_SHOWN = (
    rf"(?:{_WRITTEN}(?:[\u200c\u200d]{_WRITTEN})*"
    r"|[!-~\u00a1-\u00ac\u00ae-\u024f\u0370-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e])"
)
NAME = rf"^(?: |{_SHOWN})*$"
"""A line that hides nothing: joiners stand only where `chassis.text` lets them."""
NAME_WORDS = rf"^(?: |{_SHOWN})*{_SHOWN}(?: |{_SHOWN})*$"
"""One that is not blank."""
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _written_out(value: Any) -> Any:
    """Numbers and dates alone are no moments, though pydantic would take them for some."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be a date and time as RFC 3339 writes it")
    return value


def _day_written_out(value: Any) -> Any:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a date: YYYY-MM-DD")
    return value


Day = Annotated[date, Strict(False), BeforeValidator(_day_written_out)]  # noqa: FBT003
"""A day of the calendar."""

Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_written_out)]  # noqa: FBT003
"""A point in time with its offset from UTC."""


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


class Input(BaseModel):
    """A body: exactly the fields named, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Change(Input):
    """A body that names what is to change; what it does not name stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    def given(self) -> dict[str, Any]:
        """What it names, at least one thing."""
        if not self.model_fields_set:
            raise invalid("", "must name at least one field to change")
        return self.model_dump(exclude_unset=True)


class Query(BaseModel):
    """Query parameters; one that is not named here is refused."""

    model_config = ConfigDict(extra="forbid")


class Page(Query):
    """Query parameters of every list."""

    page_size: Annotated[
        int, Field(ge=1, le=LargestInt, description="At most 100; more is lowered.")
    ] = 20
    page_token: Annotated[
        str,
        Field(
            max_length=4096,
            description="`next_page_token` of the page before.",
            json_schema_extra={"format": "page-token"},
        ),
    ] = ""

    @property
    def size(self) -> int:
        """The page size asked of a service."""
        return min(self.page_size, 100)


class Problem(BaseModel):
    """RFC 9457; facts of the refusal stand beside these."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="URI reference of the kind of problem.", examples=["/problems/movie-not-found"]
    )
    title: str = Field(description="The kind in words.")
    status: int = Field(description="The HTTP status again.")
    detail: str = Field(description="What went wrong this time.")
    instance: str = Field(description="The path that was asked.")
    request_id: str = Field(description="Names the request in logs and traces.")


def when(stamp: Timestamp) -> str | None:
    """A timestamp as RFC 3339 in UTC, null when unset."""
    if not stamp.seconds and not stamp.nanos:
        return None
    return stamp.ToJsonString()


def stamp(moment: datetime, pointer: str, *, where: str = "body") -> Timestamp:
    """A moment of a request as a service takes it; 422 for one no calendar of ours knows."""
    message = Timestamp()
    try:
        message.FromDatetime(moment)
    except (ValueError, OverflowError) as error:
        raise invalid(pointer, "is not a time we know", where=where) from error
    return message


def answer(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON bytes as a response."""
    return Response(
        orjson.dumps(value), status_code=status, media_type="application/json", headers=headers
    )


def page(items: list[Any], next_page_token: str) -> dict[str, Any]:
    """The shape of every list."""
    return {"items": items, "next_page_token": next_page_token or None}
