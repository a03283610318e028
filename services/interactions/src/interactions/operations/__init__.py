"""Writes: what a caller can make happen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from sqlalchemy.engine import Connection

from chassis.outbox import Fact, publish
from interactions.domain import (
    ANY,
    Conditions,
    ImportedRating,
    Interaction,
    InteractionT,
    Kept,
    Movie,
    MovieNotFound,
    NumberedRating,
    Rating,
    TakenBack,
    TooManyWritesAtOnce,
    WatchlistEntry,
    numbered,
)
from interactions.messages import added_event, imported_event, removed_event
from interactions.store import entries, movies
from interactions.store import ratings as stored
from marquee.interactions.v1 import events_pb2 as events

FindMovie = Callable[[int], Movie | None]
"""Asks the catalogue for a movie whose event has not come yet."""

OutcomeT = TypeVar("OutcomeT")

_ATTEMPTS = 200


def keep(
    connection: Connection,
    user_id: UUID,
    entry: InteractionT,
    *,
    at: datetime,
    find_movie: FindMovie,
    conditions: Conditions = ANY,
    imported: bool = False,
) -> Kept[InteractionT]:
    """Add an entry or replace what it says; the same again changes nothing and tells nobody."""

    def attempt() -> Kept[InteractionT] | None:
        standing = entries.standing(connection, type(entry), user_id, entry.movie_id)
        require_movie(
            connection, standing.movie_removed, entry.movie_id, find_movie=find_movie, at=at
        )
        before = standing.entry
        conditions.check(None if before is None else before.etag)
        if before is not None and entry.says_the_same_as(before):
            return Kept(before, created=False, sequence=standing.sequence)
        fresh = entry.following(before, version=standing.sequence + 1)
        told = added_event(user_id, fresh, before, imported=imported)
        fact = _fact(user_id, fresh, told, at)
        if not entries.keep(connection, user_id, fresh, fact, at=at):
            return None
        return Kept(fresh, created=before is None, sequence=fresh.version)

    return _until_kept(attempt)


def take_back(
    connection: Connection,
    user_id: UUID,
    kind: type[Interaction],
    movie_id: int,
    *,
    at: datetime,
    conditions: Conditions = ANY,
) -> TakenBack:
    """Take an entry back; its tombstone keeps the version, and what the person wrote is gone."""

    def attempt() -> TakenBack | None:
        standing = entries.standing(connection, kind, user_id, movie_id)
        conditions.check(None if standing.entry is None else standing.entry.etag)
        if standing.entry is None:
            return TakenBack(removed=False, sequence=standing.sequence)
        gone = replace(standing.entry, version=standing.sequence + 1)
        fact = _fact(user_id, gone, removed_event(user_id, gone, at), at)
        if not entries.keep(connection, user_id, _wordless(gone), fact, at=at, deleted=True):
            return None
        return TakenBack(removed=True, sequence=gone.version)

    return _until_kept(attempt)


@dataclass(frozen=True)
class ImportedCounts:
    """What became of a batch."""

    created_count: int
    updated_count: int
    unchanged_count: int
    unknown_movie_ids: list[int]


def import_ratings(
    connection: Connection, ratings: Sequence[ImportedRating], *, at: datetime
) -> ImportedCounts:
    """Keep ratings of any people with their own times; the same batch again changes nothing."""
    known = movies.known_ids(connection, sorted({rating.movie_id for rating in ratings}))
    kept = [rating for rating in ratings if rating.movie_id in known]
    sequences = stored.locked_sequences(connection, {rating.user_id for rating in kept})
    fresh = numbered(kept, stored.ratings_before(connection, kept), sequences)
    if fresh:
        stored.keep_ratings(connection, fresh)
        publish(connection, entries.STREAM, [_imported_fact(fresh, at)])
    created = sum(1 for rating in fresh if not rating.previous_rating)
    return ImportedCounts(
        created_count=created,
        updated_count=len(fresh) - created,
        unchanged_count=len(kept) - len(fresh),
        unknown_movie_ids=sorted({rating.movie_id for rating in ratings} - known),
    )


def require_movie(
    connection: Connection,
    removed: bool | None,  # noqa: FBT001 - three-valued
    movie_id: int,
    *,
    find_movie: FindMovie,
    at: datetime,
) -> None:
    """Refuse a movie that has gone, or one unknown here (None) and to the catalogue as well."""
    if removed:
        raise MovieNotFound("the movie has left the catalogue", movie_id=movie_id)
    if removed is not None:
        return
    movie = find_movie(movie_id)
    if movie is None:
        raise MovieNotFound("there is no such movie", movie_id=movie_id)
    movies.learn_movie(connection, movie, at=at)


def _until_kept(attempt: Callable[[], OutcomeT | None]) -> OutcomeT:
    """Try again whenever another write of the same person came between; each time one succeeds."""
    for _ in range(_ATTEMPTS):
        outcome = attempt()
        if outcome is not None:
            return outcome
    raise TooManyWritesAtOnce("too many writes of one person at once")


def _wordless(entry: InteractionT) -> InteractionT:
    if isinstance(entry, Rating):
        return replace(entry, review="", has_spoilers=False)
    if isinstance(entry, WatchlistEntry):
        return replace(entry, note="")
    return entry


def _fact(user_id: UUID, entry: Interaction, message: Message, at: datetime) -> Fact:
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=f"{user_id}:{entry.movie_id}:{entry.kind}",
        aggregate_version=entry.version,
        payload=message.SerializeToString(),
        actor=str(user_id),
        occurred_at=at,
    )


def _imported_fact(ratings: Sequence[NumberedRating], at: datetime) -> Fact:
    """One fact for the batch; each rating in it carries its own version."""
    message = events.RatingsImported(ratings=[imported_event(rating) for rating in ratings])
    first = ratings[0]
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=f"{first.imported.user_id}:{first.imported.movie_id}:import",
        aggregate_version=first.sequence,
        payload=message.SerializeToString(),
        occurred_at=at,
    )
