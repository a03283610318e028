"""What is asked of other services while a call is answered, and what happens when they are down."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from chassis.errors import DeadlineExceeded, Failed, Refusal, Unavailable
from interactions.domain.entries import Movie
from interactions.messages.movies import movie_of_answer
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.users.v1 import users_pb2, users_pb2_grpc

_MOVIE_TIMEOUT_SECONDS = 1.0
_NAMES_TIMEOUT_SECONDS = 0.2
_FRIENDS_TIMEOUT_SECONDS = 1.0

log = structlog.get_logger()


class CatalogUnavailable(Unavailable):
    """A movie not known here yet cannot be looked up now."""


class UsersUnavailable(Unavailable):
    """Who is whose friend cannot be asked now."""


class Neighbours:
    """The catalogue, for movies whose event has not come yet; users, for names and friends."""

    def __init__(
        self,
        catalog: catalog_pb2_grpc.CatalogServiceStub,
        users: users_pb2_grpc.UsersServiceStub,
    ) -> None:
        self._catalog = catalog
        self._users = users

    def find_movie(self, movie_id: int) -> Movie | None:
        """A movie the catalogue has, or None; without the catalogue nobody can tell."""
        request = catalog_pb2.BatchGetMoviesRequest(movie_ids=[movie_id])
        try:
            reply = self._catalog.BatchGetMovies(request, timeout=_MOVIE_TIMEOUT_SECONDS)
        except (Unavailable, DeadlineExceeded, Failed) as refusal:
            raise CatalogUnavailable("the movie is not known here yet; try again") from refusal
        return next((movie_of_answer(one) for one in reply.movies if not one.removed), None)

    def usernames(self, user_ids: Sequence[str], *, viewer: str) -> Mapping[str, str]:
        """Names the viewer may see; none while users is down, for a review reads well without."""
        if not user_ids:
            return {}
        request = users_pb2.BatchGetUsersRequest(user_ids=user_ids, viewer_user_id=viewer)
        try:
            reply = self._users.BatchGetUsers(request, timeout=_NAMES_TIMEOUT_SECONDS)
        except Refusal as refusal:
            log.warning("reviews without names", reason=refusal.reason)
            return {}
        return {card.user_id: card.username for card in reply.users}

    def are_friends(self, user_id: UUID, viewer: UUID) -> bool:
        """Whether they follow each other; without users nobody can tell, and nobody is let in."""
        request = users_pb2.BatchGetUsersRequest(
            user_ids=[str(user_id)], viewer_user_id=str(viewer)
        )
        try:
            reply = self._users.BatchGetUsers(request, timeout=_FRIENDS_TIMEOUT_SECONDS)
        except (Unavailable, DeadlineExceeded, Failed) as refusal:
            raise UsersUnavailable("friends cannot be asked for now; try again") from refusal
        return any(card.is_friend for card in reply.users)
