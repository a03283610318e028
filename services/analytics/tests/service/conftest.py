"""The service at its real doors: RPCs, streams, PostgreSQL. Users is a fake: another process."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

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
from marquee.users.v1 import users_pb2, users_pb2_grpc


class FakeUsers(users_pb2_grpc.UsersServiceServicer):
    """Knows who consents to what; everybody else is unknown."""

    def __init__(self) -> None:
        self.tracking: dict[str, str] = {}
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
                reply.consents.add(user_id=user_id, activity_tracking=self.tracking[user_id])
        return reply


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
def stub(settings, database, consents, running) -> analytics_pb2_grpc.AnalyticsServiceStub:
    served = running(registration(settings, database, consents))
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
