"""What one request, one address and this process may use up."""

import ipaddress
import time
from dataclasses import dataclass

import structlog
from fastapi import Request
from redis.exceptions import RedisError

from chassis.errors import Exhausted
from gateway.cache import Multiplexed

BODY_BYTES = 256 * 1024
UPLOAD_BYTES = 20 * 1024 * 1024 + 64 * 1024
"""A file of 20 MiB and the form around it."""

LIMITED = "rate_limit_headers"
"""Where the scope of a request has the headers that tell of its limit."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_UPLOADS = ("POST", "/api/v1/me/imports")

# In one step: a process that dies between a key and its end would leave the key for ever.
_COUNT = """
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return used
"""

log = structlog.get_logger()


@dataclass(frozen=True)
class Limit:
    """So many in so long."""

    name: str
    count: int
    seconds: int


def body_limit(method: str, path: str) -> int:
    """How many bytes a request's body may have."""
    return UPLOAD_BYTES if (method, path) == _UPLOADS else BODY_BYTES


class Limits:
    """Fixed windows in the cache Redis under `limit:`; without Redis everything passes."""

    def __init__(self, redis: Multiplexed) -> None:
        self._redis = redis

    async def take(self, limit: Limit, who: str, request: Request) -> None:
        """Count one more for `who`, and refuse with Exhausted when it is one too many.

        Whatever is answered to `request` says how much is left.
        """
        window, used = await self._count(limit, who)
        left = max(limit.count - used, 0)
        reset = int(limit.seconds - time.time() % limit.seconds) + 1
        policy = f'"{limit.name}";q={limit.count};w={limit.seconds}'
        state = f'"{limit.name}";r={left};t={reset}'
        request.scope[LIMITED] = (
            (b"ratelimit-policy", policy.encode()),
            (b"ratelimit", state.encode()),
        )
        if used > limit.count:
            log.info("limit reached", limit=limit.name, window=window)
            raise Exhausted(
                f"Too many requests: at most {limit.count} in {limit.seconds} seconds.",
                retry_after_seconds=reset,
            )

    async def _count(self, limit: Limit, who: str) -> tuple[int, int]:
        window = int(time.time() // limit.seconds)
        key = f"limit:{limit.name}:{who}:{window}"
        try:
            used = int(await self._redis.run("EVAL", _COUNT, 1, key, limit.seconds))
        except RedisError as error:
            log.warning("limits are off while Redis is away", error=str(error))
            return window, 0
        return window, used


class Proxies:
    """Whose X-Forwarded-For is believed."""

    def __init__(self, trusted: str) -> None:
        self._networks = [
            ipaddress.ip_network(part.strip(), strict=False)
            for part in trusted.split(",")
            if part.strip()
        ]

    def address_of(self, request: Request) -> str:
        """The client's address: the peer's, or what the nearest trusted proxy says of it."""
        peer = request.client.host if request.client else ""
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        claimed = [part.strip() for part in forwarded.split(",") if part.strip()]
        found = _address(peer)
        while claimed and self._trusted(found):
            found = _address(claimed.pop())
        return "" if found is None else str(found)

    def _trusted(self, found: Address | None) -> bool:
        return found is not None and any(found in network for network in self._networks)


def _address(text: str) -> Address | None:
    """An address; an IPv4 one also where a socket for both writes it as IPv6."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found


def truncated(address: str) -> str:
    """The network of an address: /24 of IPv4, /48 of IPv6; empty for none."""
    return _network(address, 24, 48)


def counted(address: str) -> str:
    """Whose requests are counted as one client's: an IPv4 address, or the /64 of a customer."""
    return _network(address, 32, 64)


def _network(address: str, bits_of_ipv4: int, bits_of_ipv6: int) -> str:
    if not address:
        return ""
    prefix = bits_of_ipv4 if ipaddress.ip_address(address).version == 4 else bits_of_ipv6
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False).network_address)
