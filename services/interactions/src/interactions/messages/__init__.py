"""Domain to protobuf and back."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import Invalid
from interactions.domain import (
    RATING_VALUES,
    Conditions,
    Favorite,
    HiddenMovie,
    ImportedRating,
    Interaction,
    InteractionStats,
    Movie,
    NumberedRating,
    Rating,
    WatchlistEntry,
    checked_movie_id,
    nearest_half,
)
from marquee.catalog.v1 import catalog_pb2
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.interactions.v1 import events_pb2 as events
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


def conditions_of(request: Conditional) -> Conditions:
    """What a write expects of what stands there."""
    return Conditions(request.etag, request.unless_etag)


def favorite_message(favorite: Favorite) -> pb.Favorite:
    return pb.Favorite(
        movie_id=favorite.movie_id,
        favorited_at=timestamp(favorite.favorited_at),
        etag=favorite.etag,
    )


def rating_message(rating: Rating) -> pb.Rating:
    return pb.Rating(
        movie_id=rating.movie_id,
        rating=rating.rating,
        review=rating.review,
        has_spoilers=rating.has_spoilers,
        rated_at=timestamp(rating.rated_at),
        updated_at=timestamp(rating.updated_at),
        etag=rating.etag,
    )


def watchlist_entry_message(entry: WatchlistEntry) -> pb.WatchlistEntry:
    return pb.WatchlistEntry(
        movie_id=entry.movie_id,
        note=entry.note,
        added_at=timestamp(entry.added_at),
        etag=entry.etag,
    )


def hidden_movie_message(hidden: HiddenMovie) -> pb.HiddenMovie:
    return pb.HiddenMovie(
        movie_id=hidden.movie_id,
        reason=hidden.reason,
        hidden_at=timestamp(hidden.hidden_at),
        etag=hidden.etag,
    )


def review_message(row: Any, username: str) -> pb.Review:
    """A review as others see it."""
    return pb.Review(
        user_id=str(row.user_id),
        movie_id=row.movie_id,
        rating=row.rating,
        review=row.review,
        has_spoilers=row.has_spoilers,
        rated_at=timestamp(row.rated_at),
        username=username,
    )


def change_message(row: Any) -> pb.InteractionChange:
    """A row as a replica needs it, live or taken back."""
    return pb.InteractionChange(
        movie_id=row.movie_id,
        kind=row.kind,
        sequence=row.version,
        deleted=row.deleted_at is not None,
        rating=row.rating,
        reason=row.reason,
        occurred_at=timestamp(row.updated_at),
    )


def movie_stats_message(row: Any) -> pb.MovieStats:
    """How people here treat a movie."""
    return pb.MovieStats(
        movie_id=row.movie_id,
        ratings_count=row.ratings_count,
        average_rating=row.average_rating,
        favorites_count=row.favorites_count,
        reviews_count=row.reviews_count,
        watchlist_count=row.watchlist_count,
    )


def movie_state_message(row: Any) -> pb.MovieState:
    """What a person did with a movie."""
    return pb.MovieState(
        movie_id=row.movie_id,
        favorite=row.favorite,
        rating=row.rating,
        watchlist=row.watchlist,
        hidden=row.hidden,
    )


def interaction_stats_message(stats: InteractionStats) -> pb.GetInteractionStatsResponse:
    """A person's numbers; the histogram has all ten values."""
    counts = {row.rating: row.ratings_count for row in stats.ratings}
    total = sum(counts.values())
    weighed = sum(rating * count for rating, count in counts.items())
    return pb.GetInteractionStatsResponse(
        favorites_count=stats.favorites_count,
        ratings_count=total,
        reviews_count=sum(row.reviews_count for row in stats.ratings),
        watchlist_count=stats.watchlist_count,
        hidden_count=stats.hidden_count,
        average_rating=weighed / total if total else 0.0,
        rating_histogram=[
            pb.RatingBucket(rating=rating, count=counts.get(rating, 0)) for rating in RATING_VALUES
        ],
        genres=[
            pb.GenreCount(
                genre_id=row.genre_id,
                movies_count=row.movies_count,
                average_rating=row.average_rating,
            )
            for row in stats.genres
        ],
    )


def imported_rating(message: pb.ImportedRating, number: int, *, latest: datetime) -> ImportedRating:
    """The `number`th rating of a batch; one from the future was given now."""
    place = f"ratings.{number}"
    if not message.HasField("rated_at"):
        raise Invalid("is required", field=f"{place}.rated_at")
    return ImportedRating(
        user_id=user_id_from(message.user_id, field=f"{place}.user_id"),
        movie_id=checked_movie_id(message.movie_id, field=f"{place}.movie_id"),
        rating=nearest_half(message.rating, field=f"{place}.rating"),
        rated_at=min(moment(message.rated_at, field=f"{place}.rated_at"), latest),
    )


def movie_of_facts(facts: catalog_events.MovieFacts) -> Movie:
    """What we keep of a movie, from an event of the catalogue."""
    return Movie(
        movie_id=facts.movie_id,
        title=facts.title,
        genre_ids=tuple(facts.genre_ids),
        release_date=_date(facts.release_date),
        version=facts.version,
    )


def movie_of_answer(movie: catalog_pb2.Movie) -> Movie:
    """What we keep of a movie, from an answer of the catalogue."""
    return Movie(
        movie_id=movie.movie_id,
        title=movie.title,
        genre_ids=tuple(genre.genre_id for genre in movie.genres),
        release_date=_date(movie.release_date),
    )


def added_event(
    user_id: UUID, entry: Interaction, before: Interaction | None, *, imported: bool
) -> Message:
    """The fact that an entry is there, in the place of `before`."""
    subject = {**_subject(user_id, entry), "imported": imported}
    return _ADDED[type(entry)](subject, entry, before)


def removed_event(user_id: UUID, entry: Interaction, at: datetime) -> Message:
    """The fact that an entry, whose version is that of its removal, is taken back."""
    return _REMOVED[type(entry)](_subject(user_id, entry), entry, timestamp(at))


def imported_event(rating: NumberedRating) -> events.MovieRated:
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


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


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
