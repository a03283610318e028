"""The caller, kept for the length of a call."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chassis.errors import Unauthenticated


@dataclass(frozen=True)
class Caller:
    """Who is calling: a person, a service, a service on behalf of a person, or nobody."""

    user_id: UUID | None
    session_id: UUID | None
    role: str
    """user, admin, service or anonymous."""
    service: str | None


ANONYMOUS: Final = Caller(user_id=None, session_id=None, role="anonymous", service=None)

_caller: ContextVar[Caller] = ContextVar("caller", default=ANONYMOUS)
_bearer: ContextVar[str] = ContextVar("bearer", default="")


def current() -> Caller:
    """The caller of the RPC being answered; anonymous outside of one."""
    return _caller.get()


def current_token() -> str:
    """The access token the current caller came with, for calls on their behalf."""
    return _bearer.get()


def require_user() -> Caller:
    """The current caller, who is a person, or Unauthenticated."""
    caller = _caller.get()
    if caller.user_id is None:
        raise Unauthenticated("sign in first")
    return caller


def assume(caller: Caller, token: str = "") -> None:
    """Make `caller` the current one until the end of this context."""
    _caller.set(caller)
    _bearer.set(token)


@contextmanager
def acting_as(caller: Caller, token: str = "") -> Generator[None]:
    """Make `caller` the current one for the length of the block."""
    before = _caller.get(), _bearer.get()
    assume(caller, token)
    try:
        yield
    finally:
        assume(*before)
