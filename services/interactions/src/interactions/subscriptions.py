"""What happened elsewhere, and our own facts come back to be counted."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.erasure import Eraser
from chassis.events import Event, Subscription
from interactions.domain.counts import MovieCounts
from interactions.messages.access import access_of_event
from interactions.messages.movies import movie_of_facts
from interactions.operations import access
from interactions.store import counts, movies
from interactions.store.entries import STREAM
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.interactions.v1 import events_pb2 as events
from marquee.users.v1 import events_pb2 as users_events

Difference = Callable[[bytes], list[tuple[int, MovieCounts]]]


def movies_changed(connection: Connection, event: Event) -> None:
    """Keep ids, titles and genres of movies that may be marked."""
    message = catalog_events.MoviesChanged.FromString(event.payload)
    movies.replace_movies(
        connection,
        [movie_of_facts(facts) for facts in message.movies],
        changed_at=message.changed_at.ToDatetime(tzinfo=UTC),
    )


def movies_removed(connection: Connection, event: Event) -> None:
    """Mark movies as gone; nothing that people marked is touched."""
    message = catalog_events.MoviesRemoved.FromString(event.payload)
    movies.remove_movies(
        connection, list(message.movie_ids), removed_at=message.removed_at.ToDatetime(tzinfo=UTC)
    )


def count_interactions(connection: Connection, happened: Sequence[Event]) -> None:
    """Add up what the events of a batch change in the counts of each movie."""
    differences: defaultdict[int, MovieCounts] = defaultdict(MovieCounts)
    for event in happened:
        for movie_id, difference in _DIFFERENCES[event.type](event.payload):
            differences[movie_id] += difference
    counts.add_counts(connection, differences)


def count_interaction(connection: Connection, event: Event) -> None:
    """The same for one event alone."""
    count_interactions(connection, [event])


def _favorite_added(payload: bytes) -> list[tuple[int, MovieCounts]]:
    return [(events.FavoriteAdded.FromString(payload).movie_id, MovieCounts(favorites_count=1))]


def _favorite_removed(payload: bytes) -> list[tuple[int, MovieCounts]]:
    return [(events.FavoriteRemoved.FromString(payload).movie_id, MovieCounts(favorites_count=-1))]


def _watchlist_entry_added(payload: bytes) -> list[tuple[int, MovieCounts]]:
    message = events.WatchlistEntryAdded.FromString(payload)
    return [(message.movie_id, MovieCounts(watchlist_count=0 if message.updated else 1))]


def _watchlist_entry_removed(payload: bytes) -> list[tuple[int, MovieCounts]]:
    message = events.WatchlistEntryRemoved.FromString(payload)
    return [(message.movie_id, MovieCounts(watchlist_count=-1))]


def _movie_rated(payload: bytes) -> list[tuple[int, MovieCounts]]:
    return [_rated(events.MovieRated.FromString(payload))]


def _ratings_imported(payload: bytes) -> list[tuple[int, MovieCounts]]:
    return [_rated(rating) for rating in events.RatingsImported.FromString(payload).ratings]


def _rated(message: events.MovieRated) -> tuple[int, MovieCounts]:
    difference = MovieCounts(
        ratings_count=0 if message.previous_rating else 1,
        ratings_sum=message.rating - message.previous_rating,
        reviews_count=int(message.has_review) - int(message.had_review),
    )
    return message.movie_id, difference


def _rating_deleted(payload: bytes) -> list[tuple[int, MovieCounts]]:
    message = events.RatingDeleted.FromString(payload)
    difference = MovieCounts(
        ratings_count=-1,
        ratings_sum=-message.previous_rating,
        reviews_count=-int(message.had_review),
    )
    return [(message.movie_id, difference)]


_DIFFERENCES: Mapping[str, Difference] = {
    events.FavoriteAdded.DESCRIPTOR.full_name: _favorite_added,
    events.FavoriteRemoved.DESCRIPTOR.full_name: _favorite_removed,
    events.WatchlistEntryAdded.DESCRIPTOR.full_name: _watchlist_entry_added,
    events.WatchlistEntryRemoved.DESCRIPTOR.full_name: _watchlist_entry_removed,
    events.MovieRated.DESCRIPTOR.full_name: _movie_rated,
    events.RatingDeleted.DESCRIPTOR.full_name: _rating_deleted,
    events.RatingsImported.DESCRIPTOR.full_name: _ratings_imported,
}

COUNTED = frozenset(_DIFFERENCES)
"""Types of our own events that the statistics of movies are made of."""

SUBSCRIPTIONS = (
    Subscription(
        stream="catalog.events",
        types={
            catalog_events.MoviesChanged.DESCRIPTOR.full_name: movies_changed,
            catalog_events.MoviesRemoved.DESCRIPTOR.full_name: movies_removed,
        },
    ),
    Subscription(
        stream=STREAM,
        types=dict.fromkeys(_DIFFERENCES, count_interaction),
        batch=count_interactions,
    ),
)


def people(eraser: Eraser) -> Subscription:
    """People who want to be forgotten, and those whose accounts are disabled or enabled."""

    def erasure_requested(connection: Connection, event: Event) -> None:
        message = users_events.ErasureRequested.FromString(event.payload)
        eraser.request(connection, UUID(message.erasure_id), UUID(message.user_id))

    def access_changed(connection: Connection, event: Event) -> None:
        access.keep(connection, eraser.tombstones, [access_of_event(event)])

    return Subscription(
        stream="users.events",
        types={
            users_events.ErasureRequested.DESCRIPTOR.full_name: erasure_requested,
            users_events.UserAccessChanged.DESCRIPTOR.full_name: access_changed,
        },
    )
