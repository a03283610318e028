"""What every call to a neighbour has in common, whether a thread or a coroutine makes it."""

import random
import threading
import time
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool

from chassis import identity, logs, telemetry
from chassis.errors import DeadlineExceeded
from chassis.rpc.calls import remaining_seconds
from chassis.rpc.statuses import refusal_from

DEFAULT_TIMEOUT_SECONDS = 2.0
_PAUSES_SECONDS = ((0.01, 0.04), (0.08, 0.2))
_BUDGET = 10.0
_EARNED_PER_SUCCESS = 0.1

Metadata = Iterable[tuple[str, str | bytes]]

_IDEMPOTENT = {
    descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS,
    descriptor_pb2.MethodOptions.IDEMPOTENT,
}


class RetryBudget:
    """Ten retries, and one more for every ten successes: no storm upon a dead neighbour."""

    def __init__(self) -> None:
        self._tokens = _BUDGET
        self._lock = threading.Lock()

    def spend(self) -> bool:
        """Whether one more retry is affordable; it is then paid for."""
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def earn(self) -> None:
        """A call has succeeded."""
        if self._tokens < _BUDGET:
            with self._lock:
                self._tokens = min(_BUDGET, self._tokens + _EARNED_PER_SUCCESS)


class Terms:
    """The terms on which one method is called over one channel."""

    def __init__(
        self,
        method: str,
        tokens: identity.ServiceTokens,
        budget: RetryBudget,
        timeout_seconds: float,
    ) -> None:
        self.method = method
        self._tokens = tokens
        self._budget = budget
        self._timeout_seconds = timeout_seconds
        self._repeatable = is_idempotent(method)
        self._seconds = telemetry.call_seconds.labels(method)

    def begin(self, timeout: float | None, metadata: Metadata | None) -> "Attempt":
        """One call about to be made; refused at once when there is no time left for it."""
        allowed = self._timeout_seconds if timeout is None else timeout
        remaining = remaining_seconds()
        if remaining is not None:
            allowed = min(allowed, remaining)
        if allowed <= 0:
            raise DeadlineExceeded("no time was left to ask a neighbour")
        return Attempt(self, time.monotonic() + allowed, self._metadata(metadata))

    def settled(self, code: str, seconds: float) -> None:
        """Count what became of the call."""
        self._seconds.observe(seconds)
        telemetry.call_requests.labels(self.method, code).inc()
        if code == "OK":
            self._budget.earn()

    def may_retry(self, code: grpc.StatusCode, tries: int) -> bool:
        """Only what changes nothing twice, only when nobody was there, only so often."""
        return (
            self._repeatable
            and code is grpc.StatusCode.UNAVAILABLE
            and tries < len(_PAUSES_SECONDS)
            and self._budget.spend()
        )

    def _metadata(self, given: Metadata | None) -> tuple[tuple[str, str | bytes], ...]:
        own: dict[str, str | bytes] = {"x-service-authorization": f"Bearer {self._tokens.token()}"}
        if token := identity.current_token():
            own["authorization"] = f"Bearer {token}"
        if known := logs.request_id.get():
            own["x-request-id"] = known
        if parent := telemetry.traceparent():
            own["traceparent"] = parent
        own.update(given or ())
        return tuple(own.items())


class Attempt:
    """One call and its repetitions, all within one deadline."""

    def __init__(
        self, terms: Terms, deadline: float, metadata: tuple[tuple[str, str | bytes], ...]
    ) -> None:
        self.metadata = metadata
        self._terms = terms
        self._deadline = deadline
        self._started = time.monotonic()
        self._tries = 0

    @property
    def timeout(self) -> float:
        """Seconds this try may take."""
        return max(self._deadline - time.monotonic(), 0.001)

    def succeeded(self) -> None:
        """The neighbour has answered."""
        self._terms.settled("OK", time.monotonic() - self._started)

    def pause_before_retry(self, error: Any) -> float:
        """Seconds to wait before the next try; raises the refusal where there is to be none."""
        code: grpc.StatusCode = error.code()
        if self._terms.may_retry(code, self._tries):
            pause = random.uniform(*_PAUSES_SECONDS[self._tries])  # noqa: S311 - jitter
            self._tries += 1
            if time.monotonic() + pause < self._deadline:
                return pause
        self._terms.settled(code.name, time.monotonic() - self._started)
        raise refusal_from(code, error.details(), error.trailing_metadata()) from error


def is_idempotent(method: str) -> bool:
    """Whether the contract lets `/package.Service/Method` be called twice for once."""
    name = method.removeprefix("/").replace("/", ".")
    try:
        found: Any = descriptor_pool.Default().FindMethodByName(name)
    except KeyError:
        return False
    return found.GetOptions().idempotency_level in _IDEMPOTENT
