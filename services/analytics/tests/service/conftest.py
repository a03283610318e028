"""The service at its real doors: RPCs, streams, PostgreSQL. Users is a fake: another process."""

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from analytics.operations.catalog import CatalogSize
from analytics.operations.consents import Consents
from analytics.settings import Settings
from analytics.subscriptions import subscriptions
from analytics.wiring import intake, registration
from chassis.clients import channel
from chassis.database import Database
from chassis.events import Consumer, append, stream_key
from chassis.rpc import Registration
from chassis.testing import eventually
from marquee.analytics.v1 import analytics_pb2_grpc
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.users.v1 import users_pb2, users_pb2_grpc


class FakeUsers(users_pb2_grpc.UsersServiceServicer):
    """Knows who consents to what; everybody else is unknown."""

    def __init__(self) -> None:
        self.tracking: dict[str, str] = {}
        self.stored_since: dict[str, datetime] = {}
        self.named_since: dict[str, datetime] = {}
        self.asked: list[int] = []
        self.failures = 0

    def BatchGetConsent(self, request: Any, context: Any) -> users_pb2.BatchGetConsentResponse:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("users cannot answer now")
        self.asked.append(len(request.user_ids))
        reply = users_pb2.BatchGetConsentResponse()
        for user_id in request.user_ids:
            if user_id in self.tracking:
                consent = reply.consents.add(
                    user_id=user_id, activity_tracking=self.tracking[user_id]
                )
                if user_id in self.stored_since:
                    consent.stored_since.FromDatetime(self.stored_since[user_id])
                if user_id in self.named_since:
                    consent.named_since.FromDatetime(self.named_since[user_id])
        return reply


class FakeCatalog(catalog_pb2_grpc.CatalogServiceServicer):
    """Has as many movies as it is told."""

    def __init__(self) -> None:
        self.movies_count = 8
        self.down = False

    def CountMovies(self, request: Any, context: Any) -> catalog_pb2.CountMoviesResponse:
        if self.down:
            raise ConnectionError("catalog cannot answer now")
        return catalog_pb2.CountMoviesResponse(movies_count=self.movies_count)


@pytest.fixture
def movies() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def catalog_size(settings, movies, running) -> Iterator[CatalogSize]:
    add = catalog_pb2_grpc.add_CatalogServiceServicer_to_server
    contract = catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"]
    key = settings.internal_key.get_secret_value()
    target = running(Registration(add, movies, contract)).target
    clock = itertools.count(0, 61)  # each question comes more than a minute after the last
    with channel(target, internal_key=key, service="analytics") as opened:
        yield CatalogSize(catalog_pb2_grpc.CatalogServiceStub(opened), lambda: next(clock))


@pytest.fixture
def users() -> FakeUsers:
    return FakeUsers()


@pytest.fixture
def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("analytics")


@pytest.fixture
def settings(settings_for: Callable[..., Any], running: Callable[..., Any], users: FakeUsers):
    add = users_pb2_grpc.add_UsersServiceServicer_to_server
    contract = users_pb2.DESCRIPTOR.services_by_name["UsersService"]
    target = running(Registration(add, users, contract)).target
    return settings_for(Settings, "analytics", users_address=target)


@pytest.fixture
def to_users(settings: Settings) -> Iterator[users_pb2_grpc.UsersServiceStub]:
    key = settings.internal_key.get_secret_value()
    with channel(settings.users_address, internal_key=key, service="analytics") as opened:
        yield users_pb2_grpc.UsersServiceStub(opened)


@pytest.fixture
def consents(to_users: users_pb2_grpc.UsersServiceStub) -> Consents:
    return Consents(to_users)


@pytest.fixture
def stub(
    settings, database, consents, catalog_size, running
) -> analytics_pb2_grpc.AnalyticsServiceStub:
    served = running(registration(settings, database, consents, catalog_size))
    return analytics_pb2_grpc.AnalyticsServiceStub(served.channel)


@pytest.fixture
def tell(settings, database, to_users, redis_streams) -> Iterator[Callable[..., None]]:
    """`tell("users.events", fact, ...)`: put facts into a stream and wait until all are handled."""
    stop = threading.Event()
    followed = subscriptions(intake(settings, database, to_users))
    consumer = Consumer(
        name="analytics",
        database=database,
        redis=redis_streams,
        subscriptions=followed,
        instance="test",
        retry_seconds=0.001,
    )
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()

    def settled(stream: str) -> bool:
        info = redis_streams.xinfo_stream(stream_key(stream))
        return any(
            not group["pending"] and group["last-delivered-id"] == info["last-generated-id"]
            for group in redis_streams.xinfo_groups(stream_key(stream))
        )

    def send(stream: str, *facts: Any) -> None:
        append(redis_streams, stream, facts)
        eventually(lambda: settled(stream), within=30)

    yield send
    stop.set()
    thread.join()
