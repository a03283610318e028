"""What is known of the call being answered."""

import time
from contextvars import ContextVar

from chassis.errors import DeadlineExceeded

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_client_address: ContextVar[str] = ContextVar("client_address", default="")


def remaining_seconds() -> float | None:
    """Time left of the current call; None outside of one. What it asks of others must fit in."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()


def require_time() -> None:
    """Refuse to go on when the current call's time has passed: nobody waits for it any longer."""
    remaining = remaining_seconds()
    if remaining is not None and remaining <= 0:
        raise DeadlineExceeded("the call's time has passed")


def limit_seconds(seconds: float) -> None:
    """Say how long the current call may take from now."""
    _deadline.set(time.monotonic() + seconds)


def client_address() -> str:
    """Truncated address of the client for whom the current call is made; empty when not told."""
    return _client_address.get()


def came_from(address: str) -> None:
    """Say whence the current call came, as far as that may be kept."""
    _client_address.set(address)
