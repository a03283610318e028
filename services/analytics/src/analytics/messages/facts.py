"""Other services' facts: what of them is activity, and what is counted."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from analytics.domain.activities import (
    Observation,
    checked_activity_type,
    checked_metadata,
    checked_movie_id,
    plain_metadata,
)
from analytics.domain.counted import Clicked, Shown, Usage
from analytics.messages.moments import moment, timestamp, uuid_of
from chassis.events import Event
from marquee.analytics.v1 import events_pb2 as own
from marquee.gateway.v1 import events_pb2 as gateway
from marquee.interactions.v1 import events_pb2 as interactions
from marquee.recommender.v1 import events_pb2 as recommender
from marquee.users.v1 import events_pb2 as users


def observations_of(event: Event) -> list[Observation]:
    """What people did, as the event tells it; nothing for an event that tells of nothing done."""
    read = _READERS.get(event.type)
    return [] if read is None else read(event)


def type_of(message: type[Message]) -> str:
    """A message's full name, which is its event's type."""
    return message.DESCRIPTOR.full_name


def shown_of(event: Event) -> Shown:
    """A list that was answered."""
    message = recommender.ListServed.FromString(event.payload)
    served_at = _at(message.served_at, event)
    return Shown(message.recommendation_type, tuple(message.movie_ids), served_at)


def clicked_of(event: Event) -> Clicked:
    """A click that counts where the movie was shown."""
    message = recommender.RecommendationClicked.FromString(event.payload)
    clicked_at = _at(message.clicked_at, event)
    shown_at = message.recommended_at
    at = moment(shown_at, field="recommended_at") if shown_at.ByteSize() else clicked_at
    return Clicked(message.recommendation_type, at)


def usages_of(event: Event) -> list[Usage]:
    """How the API was used."""
    message = gateway.RequestsServed.FromString(event.payload)
    return [
        Usage(
            method=usage.method,
            route=usage.route,
            status=usage.status,
            client=usage.client,
            requests_count=usage.requests_count,
            total_milliseconds=usage.total_milliseconds,
            minute=_at(usage.minute, event),
        )
        for usage in message.usages
    ]


def observed_without(payload: bytes, user_id: UUID) -> bytes | None:
    """What a gateway saw of several people without this one; None when nobody is left."""
    message = gateway.ActivityObserved.FromString(payload)
    kept = [one for one in message.activities if one.user_id != str(user_id)]
    return gateway.ActivityObserved(activities=kept).SerializeToString() if kept else None


def halves_of(event: Event) -> Sequence[Event]:
    """What a gateway saw, as two events of half as much, so that one bad activity can be found;
    nothing for one activity, or for any other event."""
    if event.type != type_of(gateway.ActivityObserved):
        return ()
    try:
        seen = gateway.ActivityObserved.FromString(event.payload).activities
    except DecodeError:
        return ()
    middle = len(seen) // 2
    halves = {"first": seen[:middle], "second": seen[middle:]} if middle else {}
    return [_half(event, name, some) for name, some in halves.items()]


def activity_deleted(user_id: UUID, deleted_count: int, at: datetime) -> own.ActivityDeleted:
    """Our own fact."""
    return own.ActivityDeleted(
        user_id=str(user_id), deleted_count=deleted_count, deleted_at=timestamp(at)
    )


def _half(event: Event, name: str, seen: Sequence[gateway.Activity]) -> Event:
    payload = gateway.ActivityObserved(activities=seen).SerializeToString()
    return replace(event, event_id=uuid5(event.event_id, name), payload=payload)


def _logged_in(event: Event) -> list[Observation]:
    message = users.UserLoggedIn.FromString(event.payload)
    at = _at(message.logged_in_at, event)
    return [
        Observation(
            name=str(event.event_id),
            user_id=uuid_of(message.user_id, field="user_id"),
            activity_type="login",
            occurred_at=at,
            address=message.address,
            agent=message.agent,
        )
    ]


def _logged_out(event: Event) -> list[Observation]:
    message = users.UserLoggedOut.FromString(event.payload)
    return _one(event, message.user_id, "logout", _at(message.logged_out_at, event))


def _rated(event: Event) -> list[Observation]:
    message = interactions.MovieRated.FromString(event.payload)
    if message.imported:
        return []
    at, facts = _at(message.rated_at, event), {"rating": message.rating}
    return _one(event, message.user_id, "rate_movie", at, message.movie_id, facts)


def _favorite_added(event: Event) -> list[Observation]:
    message = interactions.FavoriteAdded.FromString(event.payload)
    if message.imported:
        return []
    at = _at(message.favorited_at, event)
    return _one(event, message.user_id, "add_favorite", at, message.movie_id)


def _favorite_removed(event: Event) -> list[Observation]:
    message = interactions.FavoriteRemoved.FromString(event.payload)
    at = _at(message.removed_at, event)
    return _one(event, message.user_id, "remove_favorite", at, message.movie_id)


def _watchlist_entry_added(event: Event) -> list[Observation]:
    message = interactions.WatchlistEntryAdded.FromString(event.payload)
    if message.updated or message.imported:
        return []
    at = _at(message.added_at, event)
    return _one(event, message.user_id, "add_watchlist", at, message.movie_id)


def _watchlist_entry_removed(event: Event) -> list[Observation]:
    message = interactions.WatchlistEntryRemoved.FromString(event.payload)
    at = _at(message.removed_at, event)
    return _one(event, message.user_id, "remove_watchlist", at, message.movie_id)


def _clicked(event: Event) -> list[Observation]:
    message = recommender.RecommendationClicked.FromString(event.payload)
    at = _at(message.clicked_at, event)
    facts = {
        "recommendation_id": message.recommendation_id,
        "recommendation_type": message.recommendation_type,
        "position": message.position,
    }
    return _one(event, message.user_id, "click_recommendation", at, message.movie_id, facts)


def _observed(event: Event) -> list[Observation]:
    message = gateway.ActivityObserved.FromString(event.payload)
    return [
        Observation(
            one.event_id,
            uuid_of(one.user_id, field="user_id"),
            checked_activity_type(one.activity_type, field="activity_type"),
            _at(one.occurred_at, event),
            checked_movie_id(one.movie_id, field="movie_id"),
            plain_metadata(one.metadata_json, field="metadata_json"),
            one.address,
            one.agent,
        )
        for one in message.activities
    ]


def _one(
    event: Event,
    user_id: str,
    activity_type: str,
    at: datetime,
    movie_id: int = 0,
    facts: Mapping[str, Any] | None = None,
) -> list[Observation]:
    return [
        Observation(
            name=str(event.event_id),
            user_id=uuid_of(user_id, field="user_id"),
            activity_type=activity_type,
            occurred_at=at,
            movie_id=checked_movie_id(movie_id, field="movie_id"),
            metadata=checked_metadata(json.dumps(facts or {}), field="metadata"),
        )
    ]


def _at(message: Timestamp, event: Event) -> datetime:
    """The fact's own time, or the event's where the fact has none."""
    told = message.seconds or message.nanos
    return moment(message, field="occurred_at") if told else event.occurred_at


_READERS: Mapping[str, Callable[[Event], list[Observation]]] = {
    type_of(users.UserLoggedIn): _logged_in,
    type_of(users.UserLoggedOut): _logged_out,
    type_of(interactions.MovieRated): _rated,
    type_of(interactions.FavoriteAdded): _favorite_added,
    type_of(interactions.FavoriteRemoved): _favorite_removed,
    type_of(interactions.WatchlistEntryAdded): _watchlist_entry_added,
    type_of(interactions.WatchlistEntryRemoved): _watchlist_entry_removed,
    type_of(recommender.RecommendationClicked): _clicked,
    type_of(gateway.ActivityObserved): _observed,
}
