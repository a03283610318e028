"""Refusals: what a caller is told when the answer is no.

Standard library only: domain code raises these and names neither gRPC nor HTTP.
"""

import re
from typing import Any, ClassVar, Self

Fact = str | int | float | bool | list[Any] | dict[str, Any]

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Refusal(Exception):
    """A no that the caller may read; raise one of its subclasses, or a subclass of those."""

    code: ClassVar[str]
    """Name of the gRPC status code that carries it."""

    def __init__(self, detail: str, **facts: Fact) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts: dict[str, Fact] = facts
        self.reason = _WORD_START.sub("_", type(self).__name__).upper()
        """`WatchlistFull` is `WATCHLIST_FULL`; one that came over the wire keeps its sender's."""

    @classmethod
    def received(cls, reason: str, detail: str, facts: dict[str, Fact]) -> Self:
        """Rebuild a refusal that another process raised, under the name it had there."""
        refusal = cls.__new__(cls)
        Refusal.__init__(refusal, detail, **facts)
        refusal.reason = reason
        return refusal


class Invalid(Refusal):
    """The request cannot be understood; it will not get better by trying again.

    `field="a.b"` is kept as an error at JSON pointer `/a/b`; `errors` names several at once.
    """

    code = "INVALID_ARGUMENT"

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        errors: list[dict[str, str]] | None = None,
        **facts: Fact,
    ) -> None:
        found = list(errors or [])
        if field is not None:
            found.append({"pointer": "/" + field.replace(".", "/"), "detail": detail})
        if found:
            facts["errors"] = found
        super().__init__(detail, **facts)

    @property
    def errors(self) -> list[dict[str, str]]:
        """The offending places, each a `pointer` and a `detail`; empty when none was named."""
        return self.facts.get("errors", [])  # pyright: ignore[reportReturnType]


class Unauthenticated(Refusal):
    """Nobody we know is calling."""

    code = "UNAUTHENTICATED"


class Denied(Refusal):
    """We know who is calling, and they may not."""

    code = "PERMISSION_DENIED"


class NotFound(Refusal):
    """There is no such thing, or none that this caller may know of."""

    code = "NOT_FOUND"


class Conflict(Refusal):
    """The state of things forbids it."""

    code = "FAILED_PRECONDITION"


class Stale(Refusal):
    """The caller decided upon a version that has since been replaced."""

    code = "ABORTED"


class Exhausted(Refusal):
    """The caller has used up what they may use; later is another matter."""

    code = "RESOURCE_EXHAUSTED"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1, **facts: Fact) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds, **facts)


class Unavailable(Refusal):
    """Something we need does not answer: a neighbour, the database, or our own queue is full."""

    code = "UNAVAILABLE"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1, **facts: Fact) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds, **facts)


class DeadlineExceeded(Refusal):
    """The time the caller gave has passed."""

    code = "DEADLINE_EXCEEDED"


class Failed(Refusal):
    """A neighbour answered with a bug of its own; nothing is known beyond that."""

    code = "INTERNAL"
