"""Sessions: one signed-in device each, kept alive by refresh tokens that work once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

from chassis.errors import Invalid, NotFound

ACCESS_TOKEN_SECONDS = 600
LONGEST_AGENT = 300
LONGEST_LOGIN = 320

_STRAGGLING = timedelta(milliseconds=200)
_LONGEST_RACE = timedelta(seconds=5)


class InvalidGrant(Invalid):
    """The password or the refresh token is not good, for a reason we do not tell."""

    def __init__(self) -> None:
        super().__init__("the login, password or token is not valid")


class SessionNotFound(NotFound):
    """There is no such live session of the caller's."""


@dataclass(frozen=True)
class Device:
    """Where a request came from."""

    address: str
    agent: str


@dataclass(frozen=True)
class Session:
    """One signed-in device."""

    session_id: UUID
    address: str
    agent: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token as stored, with what its session says; the session is its family."""

    session_id: UUID
    user_id: UUID
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None
    contested_at: datetime | None
    """When the last request that raced with the rotation was turned away."""


class Verdict(Enum):
    """What becomes of a presented refresh token."""

    ROTATE = "rotate"
    REFUSE = "refuse"
    RACED = "raced"
    REUSED = "reused"


def judge(token: RefreshToken, *, asked_at: datetime, overlapped: bool, now: datetime) -> Verdict:
    """Exchange it once; a later use means that it was copied, so the family must end.

    Several who present it at the same time are one client's tabs or retries, which could not yet
    know of the rotation: they get nothing, but nobody is logged out. A race so proven is granted
    stragglers, one shortly after the other; a single late use is not, however early it comes.
    """
    if token.revoked_at is not None or token.expires_at <= now:
        return Verdict.REFUSE
    if token.used_at is None:
        return Verdict.ROTATE
    if asked_at > token.used_at + _LONGEST_RACE:
        return Verdict.REUSED
    straggling = token.contested_at is not None and asked_at <= token.contested_at + _STRAGGLING
    raced = overlapped or straggling or asked_at <= token.used_at
    return Verdict.RACED if raced else Verdict.REUSED


def refresh_expires_at(now: datetime, refresh_token_days: int) -> datetime:
    """Each rotation gives the session its whole life again."""
    return now + timedelta(days=refresh_token_days)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _network(text: str, v4_bits: int, v6_bits: int) -> str:
    address = _address(text)
    if address is None:
        return ""
    bits = v4_bits if address.version == 4 else v6_bits
    return str(ip_network((address, bits), strict=False).network_address)


def truncated_address(address: str) -> str:
    """All of a client's address that is stored: its /24 or /48; empty when it is none."""
    return _network(address, 24, 48)


def limited_address(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that one IPv6 customer owns."""
    return _network(address, 32, 64)


def device(address: str, agent: str) -> Device:
    """What of a request's origin is kept; an agent is whatever a client chose to send."""
    printable = "".join(sign for sign in agent if sign.isprintable())
    return Device(truncated_address(address), printable[:LONGEST_AGENT])
