"""Moments, ids and types, as the contract has them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from marquee.recommender.v1 import recommender_pb2 as pb
from recommender.domain import (
    minted_at,
)


def parse_uuid(text: str) -> UUID | None:
    """A UUID, None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def timestamp(moment: datetime) -> Timestamp:
    """A moment as protobuf has it."""
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp


def moment(stamp: Timestamp) -> datetime:
    """A moment from protobuf."""
    return stamp.ToDatetime(tzinfo=UTC)


def moment_of(identifier: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return minted_at(identifier)


TYPES: Mapping[int, str] = {
    pb.RECOMMENDATION_TYPE_UNSPECIFIED: "",
    pb.RECOMMENDATION_TYPE_TRENDING: "trending",
    pb.RECOMMENDATION_TYPE_POPULAR: "popular",
    pb.RECOMMENDATION_TYPE_GENRE_BASED: "genre_based",
    pb.RECOMMENDATION_TYPE_CONTENT_BASED: "content_based",
    pb.RECOMMENDATION_TYPE_COLLABORATIVE: "collaborative",
    pb.RECOMMENDATION_TYPE_HYBRID: "hybrid",
}
NUMBERS: Mapping[str, Any] = {name: number for number, name in TYPES.items()}
