"""Moments and ids as protobuf has them."""

from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import Invalid


def timestamp(moment: datetime) -> Timestamp:
    """A moment on the wire."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def moment(message: Timestamp, *, field: str) -> datetime:
    """A moment from the wire, or Invalid where it is none that a calendar knows."""
    try:
        return message.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("is not a point in time", field=field) from error


def uuid_of(text: str, *, field: str) -> UUID:
    """An id from the wire."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("is not an id", field=field) from error
