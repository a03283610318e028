"""What is published about the catalogue, in the transaction that made it true."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy.engine import Connection

from catalog import messages
from catalog.domain.movies import MovieRecord
from catalog.domain.sync import Admin
from chassis.outbox import Fact, publish
from marquee.catalog.v1 import events_pb2 as events

STREAM = "catalog.events"


def movies_changed(
    connection: Connection, movies: Sequence[events.MovieFacts], at: datetime
) -> None:
    """Tell of a batch of movies, each with the version it has now."""
    if movies:
        _publish(connection, "movies", events.MoviesChanged(movies=movies, changed_at=at), at)


def facts_of(source: str, records: Iterable[tuple[MovieRecord, int]]) -> list[events.MovieFacts]:
    """What is told of movies with these versions."""
    return [messages.movie_facts(record, version, source) for record, version in records]


def movies_removed(connection: Connection, movie_ids: Sequence[int], at: datetime) -> None:
    """Tell that movies are gone."""
    if movie_ids:
        removed = events.MoviesRemoved(movie_ids=movie_ids, removed_at=at)
        _publish(connection, "movies", removed, at)


def genres_changed(connection: Connection, genres: Sequence[tuple[int, str]], at: datetime) -> None:
    """Tell all genres."""
    facts = [events.GenreFacts(genre_id=key, name=name) for key, name in genres]
    _publish(connection, "genres", events.GenresChanged(genres=facts, changed_at=at), at)


def featured_changed(
    connection: Connection, list_name: str, movie_ids: Sequence[int], at: datetime
) -> None:
    """Tell a list such as trending."""
    changed = events.FeaturedMoviesChanged(list_name=list_name, movie_ids=movie_ids, changed_at=at)
    _publish(connection, f"featured:{list_name}", changed, at)


def admin_acted(
    connection: Connection,
    admin: Admin,
    action: str,
    subject: str,
    details: Mapping[str, object],
) -> None:
    """Tell the audit log what an admin did."""
    acted = events.AdminActed(
        user_id=str(admin.user_id),
        action=action,
        subject=subject,
        details_json=json.dumps(details),
        address=admin.address,
        acted_at=admin.acted_at,
    )
    _publish(connection, f"{action}:{subject}", acted, admin.acted_at, actor=acted.user_id)


def _publish(
    connection: Connection, aggregate_id: str, message: Message, at: datetime, actor: str = ""
) -> None:
    fact = Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=aggregate_id,
        # The order of facts: a movie among them has a version of its own, the others are whole.
        aggregate_version=int(at.timestamp() * 1_000_000),
        payload=message.SerializeToString(),
        actor=actor,
        occurred_at=at,
    )
    publish(connection, STREAM, [fact])
