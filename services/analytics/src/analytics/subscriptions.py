"""Other services' events: kept as activity as far as people consent, and counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.engine import Connection

from analytics.messages.facts import (
    clicked_of,
    halves_of,
    observations_of,
    shown_of,
    type_of,
    usages_of,
)
from analytics.operations.activities import Hiding, keep
from analytics.operations.consents import Consents
from analytics.operations.rollups import count_recommendations, count_usage
from analytics.store.activities import commit_soon
from chassis.erasure import Eraser
from chassis.events import KEEP_SECONDS, BatchHandler, Event, Subscription
from marquee.gateway.v1 import events_pb2 as gateway
from marquee.interactions.v1 import events_pb2 as interactions
from marquee.recommender.v1 import events_pb2 as recommender
from marquee.users.v1 import events_pb2 as users


@dataclass(frozen=True)
class Intake:
    """What a batch needs to be kept."""

    consents: Consents
    hiding: Hiding
    eraser: Eraser
    now: Callable[[], datetime]

    def keep_activity(self, connection: Connection, happened: Sequence[Event]) -> None:
        """Ask once who consents, then store; with users down the batch waits in its stream."""
        observations = [one for event in happened for one in observations_of(event)]
        if not observations:
            return
        consents = self.consents.of({one.user_id for one in observations})
        keep(connection, observations, consents=consents, hiding=self.hiding, at=self.now())

    def keep_people(self, connection: Connection, happened: Sequence[Event]) -> None:
        """Logins are activity; who wants to be forgotten is."""
        self.keep_activity(connection, happened)
        requested = type_of(users.ErasureRequested)
        for event in (one for one in happened if one.type == requested):
            message = users.ErasureRequested.FromString(event.payload)
            self.eraser.request(connection, UUID(message.erasure_id), UUID(message.user_id))

    def keep_recommendations(self, connection: Connection, happened: Sequence[Event]) -> None:
        """Clicks are activity; lists and clicks are counted, without whose they were."""
        self.keep_activity(connection, happened)
        served = type_of(recommender.ListServed)
        clicked = type_of(recommender.RecommendationClicked)
        count_recommendations(
            connection,
            [shown_of(event) for event in happened if event.type == served],
            [clicked_of(event) for event in happened if event.type == clicked],
        )

    def keep_gateway(self, connection: Connection, happened: Sequence[Event]) -> None:
        """Views, searches and use of the API: the one stream that may lose its last moment."""
        commit_soon(connection)
        self.keep_activity(connection, happened)
        served = type_of(gateway.RequestsServed)
        usages = [one for event in happened if event.type == served for one in usages_of(event)]
        count_usage(connection, usages)


def subscriptions(intake: Intake) -> Sequence[Subscription]:
    """The streams followed; each takes its events by the batch."""
    return (
        _subscription(
            "users.events",
            intake.keep_people,
            users.UserLoggedIn,
            users.UserLoggedOut,
            users.ErasureRequested,
        ),
        _subscription(
            "interactions.events",
            intake.keep_activity,
            interactions.MovieRated,
            interactions.FavoriteAdded,
            interactions.FavoriteRemoved,
            interactions.WatchlistEntryAdded,
            interactions.WatchlistEntryRemoved,
        ),
        _subscription(
            "recommender.events",
            intake.keep_recommendations,
            recommender.ListServed,
            recommender.RecommendationClicked,
        ),
        _subscription(
            "gateway.activity",
            intake.keep_gateway,
            gateway.ActivityObserved,
            gateway.RequestsServed,
            keep_seconds=0.0,  # it holds what people did before anybody asked whether they consent
        ),
    )


def _subscription(
    stream: str,
    batch: BatchHandler,
    *messages: type[Message],
    keep_seconds: float = KEEP_SECONDS,
) -> Subscription:
    def alone(connection: Connection, event: Event) -> None:
        batch(connection, [event])

    types = {type_of(message): alone for message in messages}
    return Subscription(stream, types, batch, keep_seconds, divided=halves_of)
