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

_UPLOADS = ("POST", "/api/v1/me/imports")

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
            used = int(await self._redis.run("INCR", key))
            if used == 1:
                await self._redis.run("EXPIRE", key, limit.seconds)
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
        forwarded = request.headers.get("x-forwarded-for", "")
        claimed = [part.strip() for part in forwarded.split(",") if part.strip()]
        while claimed and self._trusted(peer):
            peer = claimed.pop()
        return peer if _is_address(peer) else ""

    def _trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        found = ipaddress.ip_address(address)
        return any(found in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def truncated(address: str) -> str:
    """The network of an address: /24 of IPv4, /48 of IPv6; empty for none."""
    if not address:
        return ""
    prefix = 24 if ipaddress.ip_address(address).version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False).network_address)
