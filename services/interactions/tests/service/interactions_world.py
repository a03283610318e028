"""What the service's tests share: fakes of its neighbours, and somebody who calls."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from chassis.errors import Refusal
from chassis.rpc.statuses import refusal_from
from marquee.catalog.v1 import catalog_pb2
from marquee.interactions.v1 import interactions_pb2 as pb
from marquee.users.v1 import users_pb2


@dataclass
class OtherServices:
    """Stand-ins for the stubs of catalog and users: other processes, so fakes are fair."""

    movies: dict[int, catalog_pb2.Movie] = field(default_factory=dict)
    usernames: dict[str, str] = field(default_factory=dict)
    friends: set[tuple[str, str]] = field(default_factory=set)
    disabled: list[tuple[str, int]] = field(default_factory=list)
    down: Refusal | None = None
    asked: int = 0

    def BatchGetMovies(self, request, timeout):
        self.asked += 1
        if self.down:
            raise self.down
        found = [self.movies[one] for one in request.movie_ids if one in self.movies]
        return catalog_pb2.BatchGetMoviesResponse(movies=found)

    def BatchMatchMovies(self, request, timeout):
        """By id, or by a title like `Movie 7`; `Twin` is ambiguous."""
        if self.down:
            raise self.down
        found = [_match(clue) for clue in request.clues]
        return catalog_pb2.BatchMatchMoviesResponse(
            movie_ids=[movie_id for movie_id, _count in found],
            candidates_counts=[count for _movie_id, count in found],
        )

    def BatchGetUsers(self, request, timeout):
        if self.down:
            raise self.down
        return users_pb2.BatchGetUsersResponse(
            users=[
                users_pb2.UserCard(
                    user_id=one,
                    username=self.usernames.get(one, ""),
                    is_friend=(one, request.viewer_user_id) in self.friends,
                )
                for one in request.user_ids
            ]
        )

    def ListDisabledUsers(self, request, timeout):
        """One a page."""
        if self.down:
            raise self.down
        place = int(request.page_token or 0)
        more = place + 1 < len(self.disabled)
        return users_pb2.ListDisabledUsersResponse(
            users=[
                users_pb2.DisabledUser(user_id=user_id, version=version)
                for user_id, version in self.disabled[place : place + 1]
            ],
            next_page_token=str(place + 1) if more else "",
        )


def _match(clue: catalog_pb2.MovieClue) -> tuple[int, int]:
    if clue.title == "Twin":
        return 0, 2
    name, _, number = clue.title.partition(" ")
    movie_id = clue.movie_id or (int(number) if name == "Movie" else 0)
    return movie_id, int(bool(movie_id))


class Person:
    """Somebody who calls."""

    def __init__(self, stub: Any, metadata: list[tuple[str, str]], user_id: uuid.UUID) -> None:
        self._stub = stub
        self._metadata = metadata
        self.user_id = user_id

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._stub, name)
        request = getattr(pb, f"{name}Request")
        return lambda **values: method(request(**values), metadata=self._metadata, timeout=20)


def refused(attempt: Callable[[], object]) -> tuple[str, str]:
    """The status code and the reason of a refusal."""
    with pytest.raises(grpc.RpcError) as caught:
        attempt()
    error: Any = caught.value
    refusal = refusal_from(error.code(), error.details(), error.trailing_metadata())
    return error.code().name, refusal.reason
