"""Moments and ids as protobuf has them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = range(1_000_000_000)


def timestamp(moment: datetime) -> Timestamp:
    """A moment on the wire."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def moment(message: Timestamp, *, field: str) -> datetime:
    """A moment from the wire, or Invalid where it is none that a calendar knows."""
    nanos = message.nanos
    try:
        if nanos in _NANOS:
            return _EPOCH + timedelta(0, message.seconds, nanos // 1000)
    except OverflowError:
        pass
    raise Invalid("is not a point in time", field=field)


@lru_cache(maxsize=4096)
def uuid_of(text: str, *, field: str) -> UUID:
    """An id from the wire."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("is not an id", field=field) from error
