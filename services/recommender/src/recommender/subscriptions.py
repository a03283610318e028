"""Other services' events: interactions, preferences and the catalogue."""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from chassis.events import Event, Subscription
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.users.v1 import events_pb2 as user_events
from recommender import messages
from recommender.operations import replicas
from recommender.store import movies, tastes


def movies_changed(connection: Connection, event: Event) -> None:
    """Movies were added or changed."""
    replicas.take_movies(connection, messages.movies_from_event(event))


def movies_removed(connection: Connection, event: Event) -> None:
    """Movies are gone from the catalogue."""
    message = catalog_events.MoviesRemoved.FromString(event.payload)
    movies.remove_movies(connection, list(message.movie_ids))


def genres_changed(connection: Connection, event: Event) -> None:
    """The genres' names changed."""
    message = catalog_events.GenresChanged.FromString(event.payload)
    movies.keep_genres(connection, {genre.genre_id: genre.name for genre in message.genres})


def interaction_changed(connection: Connection, event: Event) -> None:
    """Somebody did something with a movie."""
    interactions_changed(connection, [event])


def interactions_changed(connection: Connection, told: Sequence[Event]) -> None:
    """People did things with movies."""
    replicas.apply_changes(connection, messages.changes_from_events(told))


def preferences_changed(connection: Connection, event: Event) -> None:
    """Somebody wants to be recommended to in another way."""
    user_id, wanted = messages.preferences_from_event(event)
    tastes.keep_preferences(connection, user_id, wanted)


SUBSCRIPTIONS: Sequence[Subscription] = (
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
        dict.fromkeys(messages.CHANGE_TYPES, interaction_changed),
        batch=interactions_changed,
    ),
    Subscription(
        "users.events",
        {user_events.PreferencesChanged.DESCRIPTOR.full_name: preferences_changed},
    ),
)
