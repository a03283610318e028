"""A users service over real PostgreSQL and Valkey, and people who use it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import grpc
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from chassis.database import Database
from chassis.errors import Refusal
from chassis.rpc.statuses import refusal_from
from chassis.testing import Running, Tokens, eventually
from marquee.users.v1 import users_pb2 as pb
from marquee.users.v1.users_pb2_grpc import UsersServiceStub
from users import wiring
from users.operations.passwords import Passwords
from users.operations.signing_keys import Keyring
from users.settings import Settings

SECRET = "seals the signing keys of the tests"
PASSWORD = "a quite uncommon password"


@dataclass
class Clock:
    """The real time, and as much more as it was told to jump."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


@dataclass
class World:
    """The service, what is inside of it, and how to call it."""

    stub: UsersServiceStub
    database: Database
    settings: Settings
    passwords: Passwords
    keyring: Keyring
    clock: Clock
    tokens: Tokens
    revoked: list[UUID]
    numbers: Any = field(default_factory=count)

    def call(self, method: str, request: Any, metadata: Any = None) -> Any:
        given = self.tokens.service("gateway") if metadata is None else metadata
        try:
            return getattr(self.stub, method)(request, timeout=20, metadata=given)
        except grpc.RpcError as error:
            trailer: Any = error.trailing_metadata()
            raise refusal_from(error.code(), error.details(), trailer) from error

    @contextmanager
    def refused(self, reason: str) -> Iterator[pytest.ExceptionInfo[Refusal]]:
        """The block is refused for this reason."""
        with pytest.raises(Refusal) as caught:
            yield caught
        assert caught.value.reason == reason

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL that the block has the service execute."""
        executed: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            executed.append(statement)

        event.listen(self.database.engine, "before_cursor_execute", note)
        yield executed
        event.remove(self.database.engine, "before_cursor_execute", note)

    def until_blocked(self, count: int = 1) -> None:
        """Wait until so many of the service's transactions wait for a lock."""
        blocked = sa.text(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        with self.database.read() as connection:
            eventually(lambda: connection.execute(blocked).scalar_one() == count)

    def register(self, username: str = "", **more: Any) -> pb.RegisterResponse:
        name = username or f"person{next(self.numbers)}"
        given = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, **more}
        return self.call("Register", pb.RegisterRequest(**given))

    def sign_in(self, login: str, password: str = PASSWORD, **more: Any) -> pb.SignInResponse:
        return self.call("SignIn", pb.SignInRequest(login=login, password=password, **more))

    def refresh(self, refresh_token: str) -> pb.RefreshSessionResponse:
        request = pb.RefreshSessionRequest(refresh_token=refresh_token)
        return self.call("RefreshSession", request)

    def acting(self, registered: Any, role: str = "user") -> list[tuple[str, str]]:
        """Metadata of a call by this person, in the session they were given."""
        return self.tokens.user(
            UUID(registered.user.user_id), role, session_id=UUID(registered.tokens.session_id)
        )


@pytest.fixture
def settings(settings_for: Callable[..., Settings]) -> Settings:
    return settings_for(Settings, "users", signing_key_secret=SECRET)


@pytest.fixture
def world(
    settings: Settings,
    database_for: Callable[[str], Database],
    running: Callable[..., Running],
    tokens: Tokens,
) -> World:
    database, clock, revoked = database_for("users"), Clock(), []
    passwords, keyring = wiring.passwords_of(settings), wiring.keyring_of(settings)
    served = wiring.registration(
        settings,
        database,
        passwords=passwords,
        keyring=keyring,
        revoked=revoked.append,
        now=clock,
    )
    stub = UsersServiceStub(running(served, settings=settings).channel)
    return World(stub, database, settings, passwords, keyring, clock, tokens, revoked)
