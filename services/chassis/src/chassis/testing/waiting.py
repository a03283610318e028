"""Waiting for a condition instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, within: float = 10.0, every: float = 0.02) -> T:
    """Ask `probe` until it answers something true, and return that; AssertionError after `within`.

    An AssertionError raised by the probe counts as "not yet", so a probe may assert.
    """
    deadline = time.monotonic() + within
    while True:
        failure: AssertionError | None = None
        answer: T | None = None
        try:
            answer = probe()
        except AssertionError as error:
            failure = error
        if answer:
            return answer
        if time.monotonic() > deadline:
            message = f"not true within {within} s; the last answer was {answer!r}"
            raise AssertionError(message) from failure
        time.sleep(every)
