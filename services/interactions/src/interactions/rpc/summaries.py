"""What many interactions say together, and ratings in bulk."""

from datetime import datetime
from uuid import UUID

import grpc

from chassis.errors import Invalid
from chassis.export import export_page
from chassis.identity import current
from chassis.paging import page_size
from interactions.domain.counts import MOVIE_STATES_AT_ONCE, MOVIE_STATS_AT_ONCE
from interactions.domain.entries import MovieNotFound, checked_movie_id
from interactions.domain.ratings import IMPORTED_RATINGS_AT_ONCE
from interactions.messages import summaries as messages
from interactions.messages.values import moment, user_id_from
from interactions.operations.ratings import import_ratings
from interactions.rpc.parts import Rpcs, user_id_of_caller
from interactions.store import movies, summaries
from interactions.store.export import SECTIONS
from marquee.interactions.v1 import interactions_pb2 as pb

_CHANGES_PAGE = 1000
_LARGEST_CHANGES_PAGE = 5000


class SummaryRpcs(Rpcs):
    """States, statistics, reviews, imports in bulk and changes for replicas."""

    def BatchGetMovieStates(
        self, request: pb.BatchGetMovieStatesRequest, context: grpc.ServicerContext
    ) -> pb.BatchGetMovieStatesResponse:
        _at_most(MOVIE_STATES_AT_ONCE, len(request.movie_ids), field="movie_ids")
        with self._database.read() as connection:
            rows = summaries.movie_states(connection, user_id_of_caller(), request.movie_ids)
        return pb.BatchGetMovieStatesResponse(
            states=[messages.movie_state_message(row) for row in rows]
        )

    def GetInteractionStats(
        self, request: pb.GetInteractionStatsRequest, context: grpc.ServicerContext
    ) -> pb.GetInteractionStatsResponse:
        since = summaries.EVER
        if request.HasField("since"):
            since = moment(request.since, field="since")
        with self._database.read() as connection:
            stats = summaries.interaction_stats(connection, user_id_of_caller(), since)
        return messages.interaction_stats_message(stats)

    def ExportPersonalData(
        self, request: pb.ExportPersonalDataRequest, context: grpc.ServicerContext
    ) -> pb.ExportPersonalDataResponse:
        with self._database.read() as connection:
            document, token = export_page(
                connection, SECTIONS, user_id_of_caller(), self._page_tokens, request.page_token
            )
        return pb.ExportPersonalDataResponse(document_json=document, next_page_token=token)

    def ListReviews(
        self, request: pb.ListReviewsRequest, context: grpc.ServicerContext
    ) -> pb.ListReviewsResponse:
        movie_id = checked_movie_id(request.movie_id)
        size, scope = page_size(request.page_size), f"reviews:{movie_id}"
        after = summaries.BEFORE_ALL_REVIEWS
        if request.page_token:
            rated_at, user_id = self._page_tokens.decode(scope, request.page_token)
            after = datetime.fromisoformat(rated_at), UUID(user_id)
        with self._database.read() as connection:
            removed = movies.is_removed(connection, movie_id)
            rows = summaries.reviews(connection, movie_id, after=after, limit=size + 1)
            (stats,) = summaries.movie_stats(connection, [movie_id])
        if removed or (removed is None and self._neighbours.find_movie(movie_id) is None):
            raise MovieNotFound("there is no such movie", movie_id=movie_id)
        shown, token = rows[:size], ""
        if len(rows) > size:
            last = [shown[-1].rated_at.isoformat(), str(shown[-1].user_id)]
            token = self._page_tokens.encode(scope, last)
        names = self._neighbours.usernames(
            [str(row.user_id) for row in shown], viewer=str(current().user_id or "")
        )
        return pb.ListReviewsResponse(
            reviews=[
                messages.review_message(row, names.get(str(row.user_id), "")) for row in shown
            ],
            next_page_token=token,
            stats=messages.movie_stats_message(stats),
        )

    def BatchGetMovieStats(
        self, request: pb.BatchGetMovieStatsRequest, context: grpc.ServicerContext
    ) -> pb.BatchGetMovieStatsResponse:
        _at_most(MOVIE_STATS_AT_ONCE, len(request.movie_ids), field="movie_ids")
        with self._database.read() as connection:
            rows = summaries.movie_stats(connection, request.movie_ids)
        return pb.BatchGetMovieStatsResponse(
            stats=[messages.movie_stats_message(row) for row in rows]
        )

    def BatchRateMovies(
        self, request: pb.BatchRateMoviesRequest, context: grpc.ServicerContext
    ) -> pb.BatchRateMoviesResponse:
        _at_most(IMPORTED_RATINGS_AT_ONCE, len(request.ratings), field="ratings")
        now = self._now()
        ratings = [
            messages.imported_rating(one, number, latest=now)
            for number, one in enumerate(request.ratings)
        ]
        with self._database.begin() as connection:
            counts = import_ratings(connection, ratings, at=now)
        return pb.BatchRateMoviesResponse(
            created_count=counts.created_count,
            updated_count=counts.updated_count,
            unchanged_count=counts.unchanged_count,
            unknown_movie_ids=counts.unknown_movie_ids,
        )

    def ListInteractionChanges(
        self, request: pb.ListInteractionChangesRequest, context: grpc.ServicerContext
    ) -> pb.ListInteractionChangesResponse:
        if request.page_size < 0:
            raise Invalid("must not be negative", field="page_size")
        size = min(request.page_size or _CHANGES_PAGE, _LARGEST_CHANGES_PAGE)
        user_id = user_id_from(request.user_id)
        with self._database.read() as connection:
            sequence, rows = summaries.changes(
                connection, user_id, after_sequence=request.after_sequence, limit=size + 1
            )
        return pb.ListInteractionChangesResponse(
            changes=[messages.change_message(row) for row in rows[:size]],
            sequence=sequence,
            more=len(rows) > size,
        )


def _at_most(limit: int, count: int, *, field: str) -> None:
    if count > limit:
        raise Invalid(f"must be at most {limit}", field=field)
