"""Single values on the wire and back."""

from datetime import UTC, date, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import Invalid
from interactions.domain.entries import Conditions
from marquee.interactions.v1 import interactions_pb2 as pb

Conditional = (
    pb.AddFavoriteRequest
    | pb.RateMovieRequest
    | pb.AddToWatchlistRequest
    | pb.HideMovieRequest
    | pb.AddListMovieRequest
    | pb.RemoveFavoriteRequest
    | pb.DeleteRatingRequest
    | pb.RemoveFromWatchlistRequest
    | pb.UnhideMovieRequest
    | pb.RemoveListMovieRequest
)


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


def user_id_from(text: str, *, field: str = "user_id") -> UUID:
    """A user's id from the wire."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("is not a user's id", field=field) from error


def release_date_from(text: str) -> date | None:
    """A date on the wire, or None where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def conditions_of(request: Conditional) -> Conditions:
    """What a write expects of what stands there."""
    return Conditions(request.etag, request.unless_etag)
