"""The service as it answers: real gRPC, PostgreSQL and Redis; fakes only for its neighbours."""

import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.database import Database
from chassis.testing import Running, Tokens
from interactions.domain.entries import Movie
from interactions.rpc.neighbours import Neighbours
from interactions.settings import Settings
from interactions.store import movies
from interactions.wiring import registration
from marquee.interactions.v1 import interactions_pb2_grpc

# importlib mode gives tests no path of their own, and what they share is no part of the service.
sys.path.insert(0, str(Path(__file__).parent))
from interactions_world import OtherServices, Person


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
            [Movie(one, f"Movie {one}", (one % 3 + 1,), version=1) for one in range(1, 61)],
            changed_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    return database


@pytest.fixture
def stub(running, settings_for, database: Database, others: Any) -> Any:
    settings = settings_for(Settings, "interactions")
    served: Running = running(
        registration(settings, database, Neighbours(others, others)), settings=settings
    )
    return interactions_pb2_grpc.InteractionsServiceStub(served.channel)


@pytest.fixture
def person(stub: Any, tokens: Tokens) -> Callable[[], Person]:
    """`person()` is somebody new."""

    def make() -> Person:
        user_id = uuid.uuid4()
        return Person(stub, tokens.user(user_id), user_id)

    return make


@pytest.fixture
def service(stub: Any, tokens: Tokens) -> Person:
    """Another service of ours."""
    return Person(stub, tokens.service("recommender"), uuid.UUID(int=0))
