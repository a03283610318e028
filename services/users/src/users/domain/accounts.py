"""Accounts: names, addresses and passwords, and what they may look like."""

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from chassis.errors import Conflict, Denied, Exhausted, Invalid, NotFound

Role = Literal["user", "admin"]
Status = Literal["active", "disabled"]

SHORTEST_USERNAME = 3
LONGEST_USERNAME = 30
LONGEST_EMAIL = 254
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128

_LONGEST_LOCAL_PART = 64
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_USERNAME_SIGNS = "_.-"
_ALIKE = ("LATIN", "CYRILLIC", "GREEK")


class UsernameTaken(Conflict):
    """Somebody has this name, in this or another spelling."""


class EmailTaken(Conflict):
    """Somebody registered with this address, in this or another spelling."""


class UserNotFound(NotFound):
    """There is no such account."""


class WrongPassword(Denied):
    """The password given to confirm a change is not the account's."""


class ResetTokenInvalid(Invalid):
    """The token of a reset mail is unknown, used or expired."""


class TooManyLogins(Exhausted):
    """Too many wrong passwords for one account or from one address."""


class LastAdmin(Conflict):
    """Nobody would be left who may let others in again."""


@dataclass(frozen=True)
class Account:
    """One person's account."""

    user_id: UUID
    username: str
    email: str
    role: Role
    status: Status
    password_hash: str | None
    """None for imported people: no password opens the account until one is set."""
    version: int
    created_at: datetime
    updated_at: datetime


def fold(text: str) -> str:
    """The spelling under which names and addresses are unique: NFKC, without regard to case."""
    folded = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold()).strip()


def checked_username(username: str, *, field: str = "username") -> str:
    """The name itself when it may be used; letters and digits of any script may.

    But not of several that look alike: nobody is to pass for somebody else.
    """
    if not SHORTEST_USERNAME <= len(username) <= LONGEST_USERNAME:
        raise Invalid(
            f"must be {SHORTEST_USERNAME} to {LONGEST_USERNAME} characters long", field=field
        )
    if not all(sign.isalnum() or sign in _USERNAME_SIGNS for sign in username):
        raise Invalid("may contain letters, digits, '_', '.' and '-' only", field=field)
    if not username[0].isalnum():
        raise Invalid("must begin with a letter or a digit", field=field)
    letters = unicodedata.normalize("NFKC", username)  # a mathematical letter looks Latin
    names = [unicodedata.name(sign, "") for sign in letters]
    if sum(any(alphabet in name for name in names) for alphabet in _ALIKE) > 1:
        raise Invalid("must not mix alphabets whose letters look alike", field=field)
    return username


def checked_email(email: str, *, field: str = "email") -> str:
    """The address itself when it looks like one; what the mailer takes it knows itself."""
    if len(email) > LONGEST_EMAIL:
        raise Invalid(f"must be at most {LONGEST_EMAIL} characters long", field=field)
    local_part = email.partition("@")[0]
    plausible = _EMAIL.fullmatch(email) and email.isprintable()
    if not plausible or len(local_part) > _LONGEST_LOCAL_PART:
        raise Invalid("must be an e-mail address", field=field)
    return email


def normal_password(password: str) -> str:
    """One spelling of what was typed: keyboards differ in how they compose a letter."""
    return unicodedata.normalize("NFC", password)


def checked_password(password: str, common: Container[str], *, field: str = "password") -> str:
    """The password to be hashed; any characters, nothing cut off, but none everybody has."""
    normal = normal_password(password)
    if not SHORTEST_PASSWORD <= len(normal) <= LONGEST_PASSWORD:
        raise Invalid(
            f"must be {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters long", field=field
        )
    if "\0" in normal:
        raise Invalid("must not contain NUL", field=field)
    if normal.casefold() in common:
        raise Invalid("is among the most common passwords", field=field)
    return normal


def checked_role(role: str) -> Role:
    """A role there is."""
    if role not in {"user", "admin"}:
        raise Invalid("must be user or admin", field="role")
    return cast("Role", role)


def checked_status(status: str) -> Status:
    """A status there is."""
    if status not in {"active", "disabled"}:
        raise Invalid("must be active or disabled", field="status")
    return cast("Status", status)
