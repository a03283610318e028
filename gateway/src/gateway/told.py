"""What events mean to people who listen, and how it is written as Server-Sent Events."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from google.protobuf.message import Message

from chassis.events import Event
from gateway.resources.shapes import when
from marquee.interactions.v1 import events_pb2 as interactions
from marquee.recommender.v1 import events_pb2 as recommender
from marquee.users.v1 import events_pb2 as users

CHANGED, NOTIFICATION = "recommendations_changed", "notification"

_PLACE = re.compile(r"(\d{1,15})-(\d{1,15})")

Place = tuple[int, int]
Places = tuple[Place, ...]
"""How far each stream has been read."""


@dataclass(frozen=True)
class Told:
    """Something to tell: to one person, or to everybody (None)."""

    event: str
    user_id: UUID | None
    facts: Mapping[str, Any]
    sequence: int = 0
    """Of the person's interactions, where those have changed."""
    about: str = ""
    """What a notification is about: of the same a person is notified once a day."""
    follower_id: str = ""
    """Whose name is to be told, as far as the listener may know it."""


@dataclass(frozen=True)
class Placed:
    """Something told, with where the streams stood then."""

    told: Told
    stream: int
    """Which of the streams it came by."""
    places: Places
    number: int

    def missed_since(self, places: Places) -> bool:
        """Whether somebody who had read that far has not been told."""
        return places[self.stream] < self.places[self.stream]


def told_by(event: Event) -> Sequence[Told]:
    """What there is to tell of an event."""
    reader = _READERS.get(event.type)
    return reader(event) if reader else ()


def everything_may_have_changed(user_id: UUID, seconds: float) -> Told:
    """For a listener of whom nobody knows what was missed."""
    at = _rfc3339(datetime.fromtimestamp(seconds, UTC))
    return Told(CHANGED, user_id, {"cause": "resumed", "changed_at": at})


def place_of(entry_id: str) -> Place:
    """An entry's id as what it orders by."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def places_of(event_id: str, count: int) -> Places | None:
    """The places in an event's id; None where it is none of ours."""
    parts = [_PLACE.fullmatch(part) for part in event_id.split("_")]
    found = tuple((int(part.group(1)), int(part.group(2))) for part in parts if part)
    return found if len(found) == len(parts) == count else None


def any_before(places: Places, others: Places) -> bool:
    """Whether any stream had been read less far."""
    return any(one < other for one, other in zip(places, others, strict=True))


def message(places: Places, event: str, facts: Mapping[str, Any]) -> bytes:
    """One event on the wire."""
    head = f"id: {_event_id(places)}\nevent: {event}\ndata: ".encode()
    return head + orjson.dumps(facts) + b"\n\n"


def heartbeat(places: Places) -> bytes:
    """Nothing happened: where the listener stands, and that the stream lives."""
    return f"id: {_event_id(places)}\n: still here\n\n".encode()


def _event_id(places: Places) -> str:
    return "_".join(f"{milliseconds}-{number}" for milliseconds, number in places)


def _changed(kind: type[Message], cause: str) -> Callable[[Event], Sequence[Told]]:
    """Reader of facts about one person that change what is recommended."""

    def read(event: Event) -> Sequence[Told]:
        fact: Any = kind.FromString(event.payload)
        return [_change(event, fact.user_id, cause, getattr(fact, "sequence", 0))]

    return read


def _change(event: Event, user_id: str, cause: str, sequence: int) -> Told:
    facts = {"cause": cause, "changed_at": _rfc3339(event.occurred_at)}
    return Told(CHANGED, UUID(user_id), facts, sequence=sequence)


def _imported(event: Event) -> Sequence[Told]:
    """One a person, however many ratings: the last of each."""
    ratings = interactions.RatingsImported.FromString(event.payload).ratings
    last = {rating.user_id: rating.sequence for rating in ratings}
    return [_change(event, user_id, "import", sequence) for user_id, sequence in last.items()]


def _promoted(event: Event) -> Sequence[Told]:
    fact = recommender.ModelPromoted.FromString(event.payload)
    return [Told(CHANGED, None, {"cause": "model", "changed_at": when(fact.promoted_at)})]


def _followed(event: Event) -> Sequence[Told]:
    fact = users.UserFollowed.FromString(event.payload)
    facts = {"kind": "follower", "occurred_at": when(fact.followed_at)}
    followed = UUID(fact.followed_user_id)
    about = f"follower {fact.user_id}"
    return [Told(NOTIFICATION, followed, facts, about=about, follower_id=fact.user_id)]


def _released(event: Event) -> Sequence[Told]:
    fact = interactions.WatchlistMovieReleased.FromString(event.payload)
    facts = {
        "kind": "movie_released",
        "movie_id": fact.movie_id,
        "title": fact.title,
        "release_date": fact.release_date,
        "occurred_at": when(fact.noticed_at),
    }
    return [Told(NOTIFICATION, UUID(fact.user_id), facts, about=f"release {fact.movie_id}")]


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_INTERACTIONS: Sequence[type[Message]] = (
    interactions.FavoriteAdded,
    interactions.FavoriteRemoved,
    interactions.MovieRated,
    interactions.RatingDeleted,
    interactions.WatchlistEntryAdded,
    interactions.WatchlistEntryRemoved,
    interactions.MovieHidden,
    interactions.MovieUnhidden,
)

_READERS: Mapping[str, Callable[[Event], Sequence[Told]]] = {
    **{kind.DESCRIPTOR.full_name: _changed(kind, "interaction") for kind in _INTERACTIONS},
    interactions.RatingsImported.DESCRIPTOR.full_name: _imported,
    interactions.ImportFinished.DESCRIPTOR.full_name: _changed(
        interactions.ImportFinished, "import"
    ),
    interactions.WatchlistMovieReleased.DESCRIPTOR.full_name: _released,
    users.PreferencesChanged.DESCRIPTOR.full_name: _changed(
        users.PreferencesChanged, "preferences"
    ),
    users.UserFollowed.DESCRIPTOR.full_name: _followed,
    recommender.ModelPromoted.DESCRIPTOR.full_name: _promoted,
}
