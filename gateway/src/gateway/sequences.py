"""Read your writes: how far each person's interactions and preferences have come."""

from uuid import UUID

import structlog
from redis.exceptions import RedisError

from gateway.cache import Multiplexed, Recent

_KEPT_SECONDS = 24 * 3600
_KEEP_GREATEST = """
local known = tonumber(redis.call('GET', KEYS[1]) or '-1')
if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return 1
"""

log = structlog.get_logger()


class Sequences:
    """The last sequence each person's writes answered with, for all gateways, in Redis.

    When Redis has forgotten, `known` answers None and the recommender asks the owner itself.
    """

    def __init__(self, redis: Multiplexed, kind: str) -> None:
        self._redis = redis
        self._kind = kind
        self._local: Recent[UUID, int] = Recent(50_000, _KEPT_SECONDS)

    async def saw(self, user_id: UUID, sequence: int) -> None:
        """Remember the sequence a write or a list answered with."""
        known = self._local.get(user_id)
        if known is not None and known >= sequence:
            return
        self._local.put(user_id, sequence)
        try:
            await self._redis.run(
                "EVAL", _KEEP_GREATEST, 1, self._key(user_id), sequence, _KEPT_SECONDS
            )
        except RedisError as error:
            log.warning("sequence not remembered", error=str(error))

    async def known(self, user_id: UUID) -> int | None:
        """The greatest sequence any gateway has seen, or None when that was forgotten."""
        try:
            found = await self._redis.run("GET", self._key(user_id))
        except RedisError as error:
            log.warning("sequence not known", error=str(error))
            return None
        if found is None:
            return None
        return max(int(found), self._local.get(user_id) or 0)

    def _key(self, user_id: UUID) -> str:
        return f"{self._kind}:{user_id}"
