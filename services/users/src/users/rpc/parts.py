"""What the RPCs work with, and how they read a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.database import Database
from chassis.erasure import Tombstones
from chassis.errors import Invalid, Unavailable
from chassis.identity import require_user
from chassis.paging import PageTokens
from chassis.rpc import client_address
from users.domain.accounts import Account, WrongPassword
from users.domain.sessions import truncated_address
from users.operations.limits import Attempt, LoginLimits
from users.operations.passwords import Passwords
from users.operations.sessions import Presentations, Tokens


@dataclass(frozen=True)
class Parts:
    """Passed in from wiring."""

    database: Database
    tokens: Tokens
    passwords: Passwords
    limits: LoginLimits
    page_tokens: PageTokens
    tombstones: Tombstones
    revoked: Callable[[UUID], None]
    """Told of sessions that ended here, before their event has travelled."""
    now: Callable[[], datetime]
    presentations: Presentations = field(default_factory=Presentations)


class Rpcs:
    """RPCs of one noun."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _confirm(self, account: Account, password: str) -> None:
        """Refuse a change that needs the password; guesses count like those at sign-in."""
        attempt = self._parts.limits.take(account=str(account.user_id), address="")
        if not self._verified(attempt, password, account.password_hash):
            raise WrongPassword("the password is not right")
        self._parts.limits.give_back(attempt)

    def _verified(self, attempt: Attempt, password: str, stored_hash: str | None) -> bool:
        """Whether it is the password; one that nobody came to look at is no guess."""
        try:
            return self._parts.passwords.verify(password, stored_hash)
        except Unavailable:
            self._parts.limits.give_back(attempt)
            raise

    def _page_place(self, scope: str, token: str) -> UUID | None:
        """The id after which the page begins."""
        return UUID(self._parts.page_tokens.decode(scope, token)[0]) if token else None

    def _next_page(self, scope: str, place: UUID | None) -> str:
        return "" if place is None else self._parts.page_tokens.encode(scope, [str(place)])


def own_id() -> UUID:
    """The id of the person who is calling."""
    user_id = require_user().user_id
    assert user_id is not None  # noqa: S101 - what require_user promises
    return user_id


def caller_address() -> str:
    """Truncated address of whoever is calling, for the audit log; empty when it is not known."""
    return truncated_address(client_address())


def parsed_id(text: str, field: str) -> UUID:
    """A UUID, or Invalid."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("must be a UUID", field=field) from error


def parsed_ids(texts: Sequence[str], *, most: int) -> list[UUID]:
    """A batch of ids."""
    if len(texts) > most:
        raise Invalid(f"must name at most {most} users", field="user_ids")
    return [parsed_id(text, f"user_ids.{position}") for position, text in enumerate(texts)]


def checked(checks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """The value of each check by its name; all that is wrong is told at once."""
    values: dict[str, Any] = {}
    errors: list[dict[str, str]] = []
    for name, check in checks.items():
        try:
            values[name] = check()
        except Invalid as invalid:
            if not invalid.errors:
                raise
            errors.extend(invalid.errors)
    if errors:
        raise Invalid("; ".join(f"{e['pointer'][1:]} {e['detail']}" for e in errors), errors=errors)
    return values


def changes(paths: Sequence[str], checks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What the update mask names, checked; a mask that names anything else is Invalid."""
    unknown = [path for path in paths if path not in checks]
    if unknown:
        raise Invalid(f"{unknown[0]!r} cannot be changed here", field="update_mask")
    return checked({path: checks[path] for path in paths})
