"""What this service tells others."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.outbox import Fact
from interactions.domain.entries import (
    Favorite,
    HiddenMovie,
    Interaction,
    Rating,
    WatchlistEntry,
)
from interactions.domain.imports import Import
from interactions.domain.ratings import NumberedRating
from interactions.messages.values import timestamp
from marquee.interactions.v1 import events_pb2 as events


def entry_added(
    user_id: UUID, entry: Interaction, before: Interaction | None, *, imported: bool, at: datetime
) -> Fact:
    """An entry is there, in the place of `before`."""
    subject = {**_subject(user_id, entry), "imported": imported}
    return _entry_fact(user_id, entry, _ADDED[type(entry)](subject, entry, before), at)


def entry_removed(user_id: UUID, entry: Interaction, at: datetime) -> Fact:
    """An entry, whose version is that of its removal, is taken back."""
    message = _REMOVED[type(entry)](_subject(user_id, entry), entry, timestamp(at))
    return _entry_fact(user_id, entry, message, at)


def ratings_imported(ratings: Sequence[NumberedRating], at: datetime) -> Fact:
    """A batch was kept; each rating in it carries its own version."""
    first = ratings[0]
    return _fact(
        events.RatingsImported(ratings=[_imported(rating) for rating in ratings]),
        f"{first.imported.user_id}:{first.imported.movie_id}:import",
        first.sequence,
        actor="",
        at=at,
    )


def import_finished(ended: Import, at: datetime) -> Fact:
    """An import has ended."""
    message = events.ImportFinished(
        user_id=str(ended.user_id),
        import_id=str(ended.import_id),
        imported_count=ended.imported_count,
        unchanged_count=ended.unchanged_count,
        skipped_count=ended.skipped_count,
        sequence=ended.sequence,
        finished_at=timestamp(ended.finished_at or ended.created_at),
    )
    aggregate_id = f"{ended.user_id}:{ended.import_id}:import"
    return _fact(message, aggregate_id, ended.sequence, actor=message.user_id, at=at)


def watchlist_movie_released(row: Any, at: datetime) -> Fact:
    """A movie of somebody's watchlist has come out."""
    message = events.WatchlistMovieReleased(
        user_id=str(row.user_id),
        movie_id=row.movie_id,
        title=row.title,
        release_date=row.release_date.isoformat(),
        noticed_at=timestamp(at),
    )
    aggregate_id = f"{row.user_id}:{row.movie_id}:release"
    return _fact(message, aggregate_id, row.version, actor=message.user_id, at=at)


def _entry_fact(user_id: UUID, entry: Interaction, message: Message, at: datetime) -> Fact:
    aggregate_id = f"{user_id}:{entry.movie_id}:{entry.kind}"
    return _fact(message, aggregate_id, entry.version, actor=str(user_id), at=at)


def _fact(message: Message, aggregate_id: str, version: int, *, actor: str, at: datetime) -> Fact:
    return Fact(
        type=message.DESCRIPTOR.full_name,
        aggregate_id=aggregate_id,
        aggregate_version=version,
        payload=message.SerializeToString(),
        actor=actor,
        occurred_at=at,
    )


def _imported(rating: NumberedRating) -> events.MovieRated:
    """An imported rating as if it had been given here."""
    return events.MovieRated(
        user_id=str(rating.imported.user_id),
        movie_id=rating.imported.movie_id,
        sequence=rating.sequence,
        rating=rating.imported.rating,
        previous_rating=rating.previous_rating,
        has_review=bool(rating.imported.review),
        had_review=rating.had_review,
        rated_at=timestamp(rating.imported.rated_at),
        imported=True,
    )


def _subject(user_id: UUID, entry: Interaction) -> dict[str, Any]:
    return {"user_id": str(user_id), "movie_id": entry.movie_id, "sequence": entry.version}


def _favorite_added(
    subject: Mapping[str, Any], entry: Favorite, _before: Favorite | None
) -> Message:
    return events.FavoriteAdded(**subject, favorited_at=timestamp(entry.favorited_at))


def _movie_rated(subject: Mapping[str, Any], entry: Rating, before: Rating | None) -> Message:
    return events.MovieRated(
        **subject,
        rating=entry.rating,
        previous_rating=before.rating if before else 0.0,
        has_review=bool(entry.review),
        had_review=bool(before and before.review),
        rated_at=timestamp(entry.updated_at),
    )


def _watchlist_entry_added(
    subject: Mapping[str, Any], entry: WatchlistEntry, before: WatchlistEntry | None
) -> Message:
    return events.WatchlistEntryAdded(
        **subject, added_at=timestamp(entry.added_at), updated=before is not None
    )


def _movie_hidden(
    subject: Mapping[str, Any], entry: HiddenMovie, before: HiddenMovie | None
) -> Message:
    return events.MovieHidden(
        **subject,
        reason=entry.reason,
        hidden_at=timestamp(entry.hidden_at),
        updated=before is not None,
    )


def _rating_deleted(subject: Mapping[str, Any], entry: Rating, at: Timestamp) -> Message:
    return events.RatingDeleted(
        **subject, previous_rating=entry.rating, had_review=bool(entry.review), deleted_at=at
    )


_ADDED: Mapping[type[Interaction], Callable[..., Message]] = {
    Favorite: _favorite_added,
    Rating: _movie_rated,
    WatchlistEntry: _watchlist_entry_added,
    HiddenMovie: _movie_hidden,
}

_REMOVED: Mapping[type[Interaction], Callable[..., Message]] = {
    Favorite: lambda subject, _entry, at: events.FavoriteRemoved(**subject, removed_at=at),
    Rating: _rating_deleted,
    WatchlistEntry: lambda subject, _entry, at: events.WatchlistEntryRemoved(
        **subject, removed_at=at
    ),
    HiddenMovie: lambda subject, _entry, at: events.MovieUnhidden(**subject, unhidden_at=at),
}
