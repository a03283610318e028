"""Other services' events: interactions, preferences and the catalogue."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.erasure import Eraser
from chassis.events import Event, Subscription
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.gateway.v1 import events_pb2 as gateway_events
from marquee.users.v1 import events_pb2 as user_events
from recommender.messages import heard
from recommender.operations import lists, replicas
from recommender.store import movies, tastes


def movies_changed(connection: Connection, event: Event) -> None:
    """Movies were added or changed."""
    replicas.take_movies(connection, heard.movies_from_event(event))


def movies_removed(connection: Connection, event: Event) -> None:
    """Movies are gone from the catalogue."""
    message = catalog_events.MoviesRemoved.FromString(event.payload)
    movies.remove_movies(connection, list(message.movie_ids))


def genres_changed(connection: Connection, event: Event) -> None:
    """The genres' names changed."""
    message = catalog_events.GenresChanged.FromString(event.payload)
    movies.keep_genres(connection, {genre.genre_id: genre.name for genre in message.genres})


def subscriptions(eraser: Eraser) -> Sequence[Subscription]:
    """The streams followed; of somebody who was erased nothing is taken in again."""
    tombstones = eraser.tombstones

    def interactions_changed(connection: Connection, told: Sequence[Event]) -> None:
        changes = heard.changes_from_events(told)
        erased = tombstones.erased(connection, {change.user_id for change in changes})
        replicas.apply_changes(connection, [one for one in changes if one.user_id not in erased])

    def interaction_changed(connection: Connection, event: Event) -> None:
        interactions_changed(connection, [event])

    def preferences_changed(connection: Connection, event: Event) -> None:
        user_id, wanted = heard.preferences_from_event(event)
        if not tombstones.erased(connection, {user_id}):
            tastes.keep_preferences(connection, user_id, wanted)

    def fallback_served(connection: Connection, event: Event) -> None:
        page = heard.page_from_fallback(event)
        if page.offers and not tombstones.erased(connection, {page.user_id}):
            lists.keep_served(connection, page)

    def erasure_requested(connection: Connection, event: Event) -> None:
        message = user_events.ErasureRequested.FromString(event.payload)
        eraser.request(connection, UUID(message.erasure_id), UUID(message.user_id))

    return (
        Subscription(
            "catalog.events",
            {
                catalog_events.MoviesChanged.DESCRIPTOR.full_name: movies_changed,
                catalog_events.MoviesRemoved.DESCRIPTOR.full_name: movies_removed,
                catalog_events.GenresChanged.DESCRIPTOR.full_name: genres_changed,
            },
        ),
        Subscription(
            "interactions.events",
            dict.fromkeys(heard.CHANGE_TYPES, interaction_changed),
            batch=interactions_changed,
        ),
        Subscription(
            "gateway.activity",
            {gateway_events.FallbackServed.DESCRIPTOR.full_name: fallback_served},
        ),
        Subscription(
            "users.events",
            {
                user_events.PreferencesChanged.DESCRIPTOR.full_name: preferences_changed,
                user_events.ErasureRequested.DESCRIPTOR.full_name: erasure_requested,
            },
        ),
    )
