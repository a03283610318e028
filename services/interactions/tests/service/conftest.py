"""The service as it answers: real gRPC, PostgreSQL and Redis; fakes only for its neighbours."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from chassis.database import Database
from chassis.errors import Refusal
from chassis.paging import PageTokens
from chassis.rpc import Registration
from chassis.rpc.statuses import refusal_from
from chassis.settings import ServiceSettings
from chassis.testing import Running, Tokens
from chassis.testing.calls import INTERNAL_KEY
from interactions.domain import Movie
from interactions.rpc.neighbours import Neighbours
from interactions.rpc.servicer import InteractionsServicer
from interactions.store import movies
from marquee.catalog.v1 import catalog_pb2
from marquee.interactions.v1 import interactions_pb2 as pb
from marquee.interactions.v1 import interactions_pb2_grpc
from marquee.users.v1 import users_pb2

MOVIE_IDS = range(1, 61)


@dataclass
class OtherServices:
    """Stand-ins for the stubs of catalog and users: other processes, so fakes are fair."""

    movies: dict[int, catalog_pb2.Movie] = field(default_factory=dict)
    usernames: dict[str, str] = field(default_factory=dict)
    friends: set[tuple[str, str]] = field(default_factory=set)
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


@pytest.fixture
def others() -> OtherServices:
    return OtherServices()


@pytest.fixture
def database(database_for) -> Database:
    """With 60 movies known; ids 1 to 60, genres 1 to 3."""
    database = database_for("interactions")
    with database.begin() as connection:
        movies.replace_movies(
            connection,
            [Movie(one, f"Movie {one}", (one % 3 + 1,), version=1) for one in MOVIE_IDS],
            changed_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    return database


@pytest.fixture
def server(running, database: Database, others: OtherServices) -> Running:
    servicer = InteractionsServicer(
        database,
        PageTokens(b"a key of page tokens for tests only"),
        Neighbours(others, others),  # pyright: ignore[reportArgumentType]
        lambda: datetime.now(UTC),
    )
    registration = Registration(
        interactions_pb2_grpc.add_InteractionsServiceServicer_to_server,
        servicer,
        pb.DESCRIPTOR.services_by_name["InteractionsService"],
    )
    nowhere = "redis://127.0.0.1:1/0"
    settings = ServiceSettings.model_validate(
        {
            "database_url": "postgresql+psycopg2://127.0.0.1:1/nowhere",
            "redis_streams_url": nowhere,
            "redis_cache_url": nowhere,
            "internal_key": INTERNAL_KEY,
            "grpc_workers": 16,
        }
    )
    return running(registration, settings=settings)


@pytest.fixture
def person(server: Running, tokens: Tokens) -> Callable[[], Person]:
    """`person()` is somebody new."""
    stub = interactions_pb2_grpc.InteractionsServiceStub(server.channel)

    def make() -> Person:
        user_id = uuid.uuid4()
        return Person(stub, tokens.user(user_id), user_id)

    return make


@pytest.fixture
def service(server: Running, tokens: Tokens) -> Person:
    """Another service of ours."""
    stub = interactions_pb2_grpc.InteractionsServiceStub(server.channel)
    return Person(stub, tokens.service("recommender"), uuid.UUID(int=0))


@pytest.fixture
def refused():
    """`refused(call)` gives the status code and the reason of a refusal."""

    def call(attempt: Callable[[], object]) -> tuple[str, str]:
        with pytest.raises(grpc.RpcError) as caught:
            attempt()
        error: Any = caught.value
        refusal = refusal_from(error.code(), error.details(), error.trailing_metadata())
        return error.code().name, refusal.reason

    return call
