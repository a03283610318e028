"""What consent leaves of an observation: everything, a nameless trace, or nothing."""

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_interface, ip_network
from uuid import UUID, uuid4

from analytics.domain.activities import Activity, Observation

FULL, ANONYMOUS, OFF = "full", "anonymous", "off"

AGENT_LENGTH = 300
_PREFIXES = {4: 24, 6: 48}
_UUID_BYTES = 16


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


def keyed(key: bytes, text: str) -> UUID:
    """A UUID-sized keyed hash: says "the same again", and nothing else, to who lacks the key."""
    return UUID(bytes=hmac.digest(key, text.encode(), "sha256")[:_UUID_BYTES])


def pseudonym(key: bytes, salt: bytes, user_id: UUID) -> UUID:
    """A person's pseudonym while `salt` lasts; without the salt nobody can make it again."""
    return keyed(hmac.digest(key, salt, "sha256"), str(user_id))


def named(observation: Observation, activity_id: UUID, received_at: datetime) -> Activity:
    """Everything, under the person's id."""
    return Activity(
        activity_id=activity_id,
        received_at=received_at,
        user_id=observation.user_id,
        pseudonym=None,
        activity_type=observation.activity_type,
        movie_id=observation.movie_id,
        metadata=observation.metadata,
        address=truncated_address(observation.address),
        agent=cleaned_agent(observation.agent),
        occurred_at=min(observation.occurred_at, received_at),
    )


def nameless(observation: Observation, pseudonym: UUID, received_at: datetime) -> Activity:
    """What cannot be traced: no address, agent or free text; times by the hour; a random id.

    An exact time, or an id with a time in it, could be looked up in another service's rows.
    """
    return Activity(
        activity_id=uuid4(),
        received_at=_hour(received_at),
        user_id=None,
        pseudonym=pseudonym,
        activity_type=observation.activity_type,
        movie_id=observation.movie_id,
        metadata="{}",
        address=None,
        agent=None,
        occurred_at=_hour(min(observation.occurred_at, received_at)),
    )


def not_deleted(
    observations: Sequence[Observation],
    deleted_at: Callable[[UUID, str], datetime | None],
) -> list[Observation]:
    """Without what its person had deleted before it came here."""
    kept: list[Observation] = []
    for one in observations:
        at = deleted_at(one.user_id, one.activity_type)
        if at is None or one.occurred_at > at:
            kept.append(one)
    return kept


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
