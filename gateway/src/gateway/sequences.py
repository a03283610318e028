"""Read your writes: how far each person's interactions and preferences have come."""

from uuid import UUID

import structlog
from redis.exceptions import RedisError

from gateway.cache import Multiplexed, Recent

_KEPT_SECONDS = 24 * 3600
_PEOPLE = 50_000
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
        self._told: Recent[UUID, int] = Recent(_PEOPLE, _KEPT_SECONDS)
        self._heard: Recent[UUID, int] = Recent(_PEOPLE, _KEPT_SECONDS)

    async def saw(self, user_id: UUID, sequence: int) -> None:
        """Remember the sequence a write or a list answered with."""
        told = self._told.get(user_id)
        if told is not None and told >= sequence:
            return
        try:
            await self._redis.run(
                "EVAL", _KEEP_GREATEST, 1, self._key(user_id), sequence, _KEPT_SECONDS
            )
        except RedisError as error:
            log.warning("sequence not remembered", error=str(error))
        self._told.put(user_id, sequence)

    def heard(self, user_id: UUID, sequence: int) -> None:
        """Remember, in this process, the sequence that an event told."""
        if sequence > (self._heard.get(user_id) or 0):
            self._heard.put(user_id, sequence)

    async def known(self, user_id: UUID) -> int | None:
        """The greatest sequence any gateway has seen, or None when that was forgotten."""
        try:
            found = await self._redis.run("GET", self._key(user_id))
        except RedisError as error:
            log.warning("sequence not known", error=str(error))
            return None
        if found is None:
            self._told.drop(user_id)  # so that it is told again
            return None
        return max(int(found), self._told.get(user_id) or 0, self._heard.get(user_id) or 0)

    def _key(self, user_id: UUID) -> str:
        return f"{self._kind}:{user_id}"
