"""A person's marks on movies as protobuf."""

from interactions.domain.entries import Favorite, HiddenMovie, Rating, WatchlistEntry
from interactions.messages.values import timestamp
from marquee.interactions.v1 import interactions_pb2 as pb


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
