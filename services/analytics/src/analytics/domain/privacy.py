"""What consent leaves of an observation: everything, a nameless trace, or nothing."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv6Address, ip_interface, ip_network
from uuid import UUID, uuid4

from analytics.domain.activities import Activity, Observation

FULL, ANONYMOUS, OFF = "full", "anonymous", "off"

AGENT_LENGTH = 300
_STORED = frozenset({FULL, ANONYMOUS})
_PREFIXES = {4: 24, 6: 48}
_UUID_BYTES = 16


@dataclass(frozen=True)
class Consent:
    """What of a person's activity may be stored now, and since when without a break."""

    tracking: str
    """full, anonymous or off; any other word is as good as off."""
    stored_since: datetime | None = None
    """Since when it has not been off; None where it never was."""
    named_since: datetime | None = None
    """Since when it has been full; None where it always was."""

    def to(self, occurred_at: datetime) -> str:
        """The least that was consented to from that moment until now: what counts for a deed."""
        if self.tracking not in _STORED or _before(occurred_at, self.stored_since):
            return OFF
        if self.tracking == ANONYMOUS or _before(occurred_at, self.named_since):
            return ANONYMOUS
        return FULL


@lru_cache(maxsize=1024)
def truncated_address(text: str) -> str | None:
    """The network of an address, /24 or /48; None for what is no address.

    Senders truncate too; that is never relied upon.
    """
    try:
        found = ip_interface(text.strip().partition("%")[0])
    except ValueError:
        return None
    address, kept = found.ip, found.network.prefixlen
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address, kept = address.ipv4_mapped, max(0, kept - 96)
    prefix = min(kept, _PREFIXES[address.version])
    return str(ip_network((address, prefix), strict=False))


@lru_cache(maxsize=1024)
def cleaned_agent(text: str) -> str | None:
    """A user agent without what no screen shows, cut to 300 characters."""
    shown = "".join(character for character in text if character.isprintable())
    return shown.strip()[:AGENT_LENGTH] or None


def keyed(key: bytes, text: str) -> str:
    """A keyed hash, a UUID's hexadecimal digits: says "the same again", and nothing else."""
    return blake2b(text.encode(), key=key, digest_size=_UUID_BYTES).hexdigest()


def salted(key: bytes, salt: bytes) -> bytes:
    """The key of pseudonyms while `salt` lasts; without it nobody can make them again."""
    return hmac.digest(key, salt, "sha256")


def pseudonym(salted_key: bytes, user_id: UUID, day: date) -> UUID:
    """Who did something on that day, as far as it is heard of while the salt lasts."""
    return UUID(hex=keyed(salted_key, f"{user_id}/{day}"))


def named(observation: Observation, activity_id: UUID, received_at: datetime) -> Activity:
    """Everything, under the person's id."""
    _, user_id, activity_type, occurred_at, movie_id, metadata, address, agent = observation
    return Activity(
        received_at,
        activity_id,
        user_id,
        None,
        activity_type,
        movie_id,
        metadata,
        truncated_address(address),
        cleaned_agent(agent),
        occurred_at,
    )


def nameless(observation: Observation, pseudonym: UUID, received_at: datetime) -> Activity:
    """What cannot be traced: no address, agent or free text; the time by the hour; a random id.

    An exact time, or an id with a time in it, could be looked up in another service's rows; and
    the hour of receipt would tell what came together.
    """
    return Activity(
        activity_id=uuid4(),
        received_at=_hour(received_at).replace(hour=0),
        user_id=None,
        pseudonym=pseudonym,
        activity_type=observation.activity_type,
        movie_id=observation.movie_id,
        metadata="{}",
        address=None,
        agent=None,
        occurred_at=_hour(observation.occurred_at),
    )


def not_deleted(
    observations: Sequence[Observation], deleted_at: Mapping[tuple[UUID, str], datetime]
) -> Sequence[Observation]:
    """Without what its person had deleted, of its type or of all (''), before it came here."""
    if not deleted_at:
        return observations
    never = datetime.min.replace(tzinfo=UTC)
    return [
        one
        for one in observations
        if one.occurred_at > deleted_at.get((one.user_id, one.activity_type), never)
        and one.occurred_at > deleted_at.get((one.user_id, ""), never)
    ]


def _before(moment: datetime, since: datetime | None) -> bool:
    return since is not None and moment < since


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
