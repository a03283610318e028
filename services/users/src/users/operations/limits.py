"""Counting wrong passwords, per account and per address, in all replicas together."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from secrets import token_hex
from typing import Any

import redis
import structlog

from users.domain.accounts import TooManyLogins

_PREFIX = "limit:login:"
_MOST_LOCAL_KEYS = 10_000

# A log of attempts rather than a counter: no window edge lets twice as many through.
_TAKE = """
local moment = redis.call('TIME')
local now = moment[1] * 1000 + math.floor(moment[2] / 1000)
local window = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return oldest[2] + window - now
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return 0
"""

log = structlog.get_logger()


@dataclass(frozen=True)
class Limit:
    """So many attempts in so many seconds."""

    attempts: int
    seconds: int


@dataclass(frozen=True)
class Attempt:
    """One counted attempt, to be given back if it was a good one."""

    keys: tuple[str, ...]
    member: str


class LoginLimits:
    """An attempt counts before the password is looked at, so that none slips by in parallel.

    A right password gives its attempt back. Counters live in the cache Redis; while that is down
    each process counts for itself.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        account: Limit,
        address: Limit,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._account = account
        self._address = address
        self._take_script = client.register_script(_TAKE)
        self._local = _LocalCounters(monotonic)

    def take(self, *, account: str, address: str) -> Attempt:
        """Count an attempt, or TooManyLogins; an empty address is not counted."""
        member = token_hex(8)
        keys: list[str] = []
        if address:
            keys.append(self._counted("address", address, self._address, member))
        keys.append(self._counted("account", account, self._account, member))
        return Attempt(tuple(keys), member)

    def give_back(self, attempt: Attempt) -> None:
        """It was a good one."""
        for key in attempt.keys:
            self._local.give_back(key, attempt.member)
        try:
            pipeline = self._client.pipeline(transaction=False)
            for key in attempt.keys:
                pipeline.zrem(key, attempt.member)
            pipeline.execute()
        except redis.RedisError as error:
            log.warning("a login attempt is not given back", error=str(error))

    def _counted(self, kind: str, subject: str, limit: Limit, member: str) -> str:
        key = f"{_PREFIX}{kind}:{sha256(subject.encode()).hexdigest()[:32]}"
        wait_seconds = self._waiting(key, limit, member)
        if wait_seconds > 0:
            raise TooManyLogins(
                "too many attempts to sign in; wait a while",
                retry_after_seconds=max(1, ceil(wait_seconds)),
            )
        return key

    def _waiting(self, key: str, limit: Limit, member: str) -> float:
        try:
            arguments = [limit.attempts, limit.seconds * 1000, member]
            milliseconds: Any = self._take_script(keys=[key], args=arguments)
        except redis.RedisError as error:
            log.warning("login attempts are counted locally", error=str(error))
            return self._local.take(key, limit, member)
        return float(milliseconds) / 1000


class _LocalCounters:
    """The same log of attempts in this process."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._attempts: dict[str, deque[tuple[float, str]]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, limit: Limit, member: str) -> float:
        now = self._monotonic()
        with self._lock:
            attempts = self._attempts_of(key)
            while attempts and attempts[0][0] <= now - limit.seconds:
                attempts.popleft()
            if len(attempts) >= limit.attempts:
                return attempts[0][0] + limit.seconds - now
            attempts.append((now, member))
        return 0.0

    def give_back(self, key: str, member: str) -> None:
        with self._lock:
            attempts = self._attempts.get(key, ())
            kept = deque(one for one in attempts if one[1] != member)
            if kept:
                self._attempts[key] = kept
            else:
                self._attempts.pop(key, None)

    def _attempts_of(self, key: str) -> deque[tuple[float, str]]:
        if key not in self._attempts and len(self._attempts) >= _MOST_LOCAL_KEYS:
            self._attempts.pop(next(iter(self._attempts)))
        return self._attempts.setdefault(key, deque())
