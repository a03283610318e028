"""What is known of the call being answered."""

import time
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def remaining_seconds() -> float | None:
    """Time left of the current call; None outside of one. What it asks of others must fit in."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()


def limit_seconds(seconds: float) -> None:
    """Say how long the current call may take from now."""
    _deadline.set(time.monotonic() + seconds)
