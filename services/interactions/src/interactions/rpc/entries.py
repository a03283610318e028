"""One person's favorites, ratings, watchlist and hidden movies.

People act on their own rows only: whose they are comes from the token, never from the request.
"""

from datetime import datetime

import grpc

from chassis.paging import page_size
from chassis.text import clean_text
from interactions.domain.entries import (
    NOTE_LENGTH,
    REVIEW_LENGTH,
    Conditions,
    Favorite,
    HiddenMovie,
    Interaction,
    InteractionT,
    Kept,
    Rating,
    RatingNotFound,
    TakenBack,
    WatchlistEntry,
    checked_movie_id,
    checked_rating,
    checked_reason,
)
from interactions.messages import entries as messages
from interactions.messages.values import conditions_of
from interactions.operations import entries as operations
from interactions.rpc.parts import Rpcs, user_id_of_caller
from interactions.store import entries
from interactions.store.entries import Page
from marquee.interactions.v1 import interactions_pb2 as pb


class EntryRpcs(Rpcs):
    """Favorites, ratings, watchlist and hidden movies: four nouns, one way through."""

    def AddFavorite(
        self, request: pb.AddFavoriteRequest, context: grpc.ServicerContext
    ) -> pb.AddFavoriteResponse:
        movie_id = checked_movie_id(request.movie_id)
        favorite = Favorite(movie_id=movie_id, favorited_at=self._now())
        kept = self._keep(favorite, conditions_of(request))
        return pb.AddFavoriteResponse(
            favorite=messages.favorite_message(kept.entry),
            created=kept.created,
            sequence=kept.sequence,
        )

    def RemoveFavorite(
        self, request: pb.RemoveFavoriteRequest, context: grpc.ServicerContext
    ) -> pb.RemoveFavoriteResponse:
        done = self._take_back(Favorite, request.movie_id, conditions_of(request))
        return pb.RemoveFavoriteResponse(removed=done.removed, sequence=done.sequence)

    def ListFavorites(
        self, request: pb.ListFavoritesRequest, context: grpc.ServicerContext
    ) -> pb.ListFavoritesResponse:
        page, token = self._page(Favorite, request.page_size, request.page_token)
        return pb.ListFavoritesResponse(
            favorites=[messages.favorite_message(entry) for entry in page.entries],
            next_page_token=token,
            titles=page.titles,
            sequence=page.sequence,
        )

    def RateMovie(
        self, request: pb.RateMovieRequest, context: grpc.ServicerContext
    ) -> pb.RateMovieResponse:
        now = self._now()
        rating = Rating(
            movie_id=checked_movie_id(request.movie_id),
            rating=checked_rating(request.rating),
            review=clean_text(
                request.review, field="review", max_length=REVIEW_LENGTH, multiline=True
            ),
            has_spoilers=request.has_spoilers,
            rated_at=now,
            updated_at=now,
        )
        kept = self._keep(rating, conditions_of(request))
        return pb.RateMovieResponse(
            rating=messages.rating_message(kept.entry),
            created=kept.created,
            sequence=kept.sequence,
        )

    def GetRating(
        self, request: pb.GetRatingRequest, context: grpc.ServicerContext
    ) -> pb.GetRatingResponse:
        movie_id = checked_movie_id(request.movie_id)
        with self._database.read() as connection:
            standing = entries.standing(connection, Rating, user_id_of_caller(), movie_id)
        if standing.entry is None:
            raise RatingNotFound("you have not rated this movie", movie_id=movie_id)
        rating = messages.rating_message(standing.entry)
        return pb.GetRatingResponse(rating=rating, sequence=standing.sequence)

    def DeleteRating(
        self, request: pb.DeleteRatingRequest, context: grpc.ServicerContext
    ) -> pb.DeleteRatingResponse:
        done = self._take_back(Rating, request.movie_id, conditions_of(request))
        return pb.DeleteRatingResponse(removed=done.removed, sequence=done.sequence)

    def ListRatings(
        self, request: pb.ListRatingsRequest, context: grpc.ServicerContext
    ) -> pb.ListRatingsResponse:
        page, token = self._page(Rating, request.page_size, request.page_token)
        return pb.ListRatingsResponse(
            ratings=[messages.rating_message(entry) for entry in page.entries],
            next_page_token=token,
            titles=page.titles,
            sequence=page.sequence,
        )

    def AddToWatchlist(
        self, request: pb.AddToWatchlistRequest, context: grpc.ServicerContext
    ) -> pb.AddToWatchlistResponse:
        note = clean_text(request.note, field="note", max_length=NOTE_LENGTH, multiline=True)
        movie_id = checked_movie_id(request.movie_id)
        entry = WatchlistEntry(movie_id=movie_id, note=note, added_at=self._now())
        kept = self._keep(entry, conditions_of(request))
        return pb.AddToWatchlistResponse(
            entry=messages.watchlist_entry_message(kept.entry),
            created=kept.created,
            sequence=kept.sequence,
        )

    def RemoveFromWatchlist(
        self, request: pb.RemoveFromWatchlistRequest, context: grpc.ServicerContext
    ) -> pb.RemoveFromWatchlistResponse:
        done = self._take_back(WatchlistEntry, request.movie_id, conditions_of(request))
        return pb.RemoveFromWatchlistResponse(removed=done.removed, sequence=done.sequence)

    def ListWatchlist(
        self, request: pb.ListWatchlistRequest, context: grpc.ServicerContext
    ) -> pb.ListWatchlistResponse:
        page, token = self._page(WatchlistEntry, request.page_size, request.page_token)
        return pb.ListWatchlistResponse(
            entries=[messages.watchlist_entry_message(entry) for entry in page.entries],
            next_page_token=token,
            titles=page.titles,
            sequence=page.sequence,
        )

    def HideMovie(
        self, request: pb.HideMovieRequest, context: grpc.ServicerContext
    ) -> pb.HideMovieResponse:
        reason = checked_reason(request.reason)
        movie_id = checked_movie_id(request.movie_id)
        hidden = HiddenMovie(movie_id=movie_id, reason=reason, hidden_at=self._now())
        kept = self._keep(hidden, conditions_of(request))
        return pb.HideMovieResponse(
            hidden_movie=messages.hidden_movie_message(kept.entry),
            created=kept.created,
            sequence=kept.sequence,
        )

    def UnhideMovie(
        self, request: pb.UnhideMovieRequest, context: grpc.ServicerContext
    ) -> pb.UnhideMovieResponse:
        done = self._take_back(HiddenMovie, request.movie_id, conditions_of(request))
        return pb.UnhideMovieResponse(removed=done.removed, sequence=done.sequence)

    def ListHiddenMovies(
        self, request: pb.ListHiddenMoviesRequest, context: grpc.ServicerContext
    ) -> pb.ListHiddenMoviesResponse:
        page, token = self._page(HiddenMovie, request.page_size, request.page_token)
        return pb.ListHiddenMoviesResponse(
            hidden_movies=[messages.hidden_movie_message(entry) for entry in page.entries],
            next_page_token=token,
            titles=page.titles,
            sequence=page.sequence,
        )

    def _keep(self, entry: InteractionT, conditions: Conditions) -> Kept[InteractionT]:
        with self._database.statements() as connection:
            return operations.keep(
                connection,
                user_id_of_caller(),
                entry,
                at=self._now(),
                find_movie=self._neighbours.find_movie,
                conditions=conditions,
            )

    def _take_back(
        self, kind: type[Interaction], movie_id: int, conditions: Conditions
    ) -> TakenBack:
        checked_movie_id(movie_id)
        with self._database.statements() as connection:
            return operations.take_back(
                connection,
                user_id_of_caller(),
                kind,
                movie_id,
                at=self._now(),
                conditions=conditions,
            )

    def _page(
        self, kind: type[InteractionT], requested_size: int, token: str
    ) -> tuple[Page[InteractionT], str]:
        user_id, size = user_id_of_caller(), page_size(requested_size)
        scope, after = f"{kind.kind}:{user_id}", entries.BEFORE_ALL
        if token:
            moment, movie_id = self._page_tokens.decode(scope, token)
            after = datetime.fromisoformat(moment), movie_id
        with self._database.read() as connection:
            page = entries.page(connection, kind, user_id, after=after, size=size)
        if not page.more:
            return page, ""
        last_moment, last_id = entries.cursor_of(page.entries[-1])
        return page, self._page_tokens.encode(scope, [last_moment.isoformat(), last_id])
