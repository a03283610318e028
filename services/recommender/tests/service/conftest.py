"""A served recommender with neighbours of its own, and events as they would arrive."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from chassis.rpc import Registration
from marquee.interactions.v1 import interactions_pb2, interactions_pb2_grpc
from marquee.users.v1 import users_pb2, users_pb2_grpc
from recommender.settings import Settings
from recommender.wiring import database_of, live_of, neighbours_of, registration

# importlib mode gives tests no path of their own, and what they share is no part of the service.
sys.path.insert(0, str(Path(__file__).parent))
from recommender_world import Interactions, Users, World


@pytest.fixture
def interactions() -> Interactions:
    return Interactions()


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture
def settings(
    settings_for: Callable[..., Settings],
    running: Callable[..., Any],
    interactions: Interactions,
    users: Users,
    tmp_path: Path,
) -> Settings:
    neighbours = running(
        Registration(
            interactions_pb2_grpc.add_InteractionsServiceServicer_to_server,
            interactions,
            interactions_pb2.DESCRIPTOR.services_by_name["InteractionsService"],
        ),
        Registration(
            users_pb2_grpc.add_UsersServiceServicer_to_server,
            users,
            users_pb2.DESCRIPTOR.services_by_name["UsersService"],
        ),
    )
    return settings_for(
        Settings,
        "recommender",
        model_store=f"file://{tmp_path / 'models'}",
        model_cache=str(tmp_path / "cache"),
        interactions_address=neighbours.target,
        users_address=neighbours.target,
        neighbour_seconds=2.0,
        training_threads=1,
    )


@pytest.fixture
def world(settings: Settings, running: Callable[..., Any], tokens: Any) -> Iterator[World]:
    database = database_of(settings)
    live = live_of(settings, database)
    served = running(registration(settings, database, live, neighbours_of(settings)))
    world = World(settings, database, live, served.channel, tokens)
    yield world
    database.dispose()


@pytest.fixture
def person(world: World) -> UUID:
    return world.new_person()
