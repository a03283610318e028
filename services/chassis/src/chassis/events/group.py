"""One reader's part in the group that follows a stream: what it is given, and is done with."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import redis

from chassis.events.entries import stream_key
from chassis.events.streams import Raw, ensure_group, forget_dead_consumers, replies, trim

BATCH = 200
DELIVERIES = 25  # so often delivered and never finished: it takes the process down each time
_LOOKED_AT = 10 * BATCH  # the entries among which XAUTOCLAIM finds those of one batch


class Group:
    """What a dead reader held is claimed after `claim_idle_seconds`."""

    def __init__(
        self,
        client: redis.Redis,
        stream: str,
        *,
        name: str,
        instance: str,
        claim_idle_seconds: float,
    ) -> None:
        self._redis = client
        self._stream = stream
        self._key = stream_key(stream)
        self._name = name
        self._instance = instance
        self._claim_idle_ms = int(claim_idle_seconds * 1000)

    def ensure(self) -> None:
        """Make the group: the first time ever, or when Redis has forgotten it."""
        ensure_group(self._redis, self._stream, self._name)

    def read(self, *, block_ms: int) -> list[Raw]:
        """What nobody was given before, waiting a moment for it."""
        answer = self._redis.xreadgroup(
            self._name, self._instance, {self._key: ">"}, count=BATCH, block=block_ms
        )
        return [raw for _, entries in replies(answer) for raw in entries]

    def claim(self) -> Iterator[list[Raw]]:
        """Batches of what a reader that died, or never finished, was given."""
        cursor = None
        while cursor != b"0-0":
            answer = self._redis.xautoclaim(
                self._key,
                self._name,
                self._instance,
                self._claim_idle_ms,
                start_id=cursor or b"0-0",
                count=BATCH,
            )
            cursor = answer[0]
            yield cast(list[Raw], answer[1])

    def deadly(self, claimed: Sequence[Raw]) -> set[bytes]:
        """The ids of those that no reader has outlived."""
        if not claimed:
            return set()
        first, last = claimed[0][0], claimed[-1][0]
        pending = self._redis.xpending_range(
            self._key, self._name, first, last, count=_LOOKED_AT, consumername=self._instance
        )
        return {
            one["message_id"]
            for one in cast(list[dict[str, Any]], pending)
            if one["times_delivered"] > DELIVERIES
        }

    def acknowledge(self, entry_ids: Sequence[str]) -> None:
        """These are done with."""
        if entry_ids:
            self._redis.xack(self._key, self._name, *entry_ids)

    def tidy(self, *, keep_seconds: float) -> None:
        """Drop what every group is done with, and readers that are no more."""
        trim(self._redis, self._stream, keep_seconds=keep_seconds)
        forget_dead_consumers(self._redis, self._stream, self._name, own=self._instance)
