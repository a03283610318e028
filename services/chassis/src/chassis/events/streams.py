"""Redis streams, spoken to without any meaning of their entries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import redis
import redis.asyncio
from opentelemetry.trace import SpanKind

from chassis import telemetry
from chassis.events.entries import Fact, fields_of, stream_key

Raw = tuple[bytes, Mapping[bytes, bytes]]

KEEP_SECONDS = 20 * 60.0
_KEEP_UNREAD_SECONDS = 7 * 24 * 3600
_FORGOTTEN_CONSUMER_MS = 3600 * 1000


def append(client: redis.Redis, stream: str, facts: Sequence[Fact]) -> None:
    """Put facts straight into a stream: only for what may be lost, all else has its outbox."""
    with (
        telemetry.span(f"append {stream}", kind=SpanKind.PRODUCER),
        client.pipeline(transaction=False) as pipeline,
    ):
        for fact in facts:
            pipeline.xadd(stream_key(stream), cast(Any, fields_of(fact, telemetry.traceparent())))
        pipeline.execute()


async def append_async(
    client: redis.asyncio.Redis, stream: str, facts: Sequence[Fact], *, keep: int | None = None
) -> None:
    """`append` for asyncio; `keep` bounds the stream to about so many entries."""
    with telemetry.span(f"append {stream}", kind=SpanKind.PRODUCER):
        async with client.pipeline(transaction=False) as pipeline:
            for fact in facts:
                fields = cast(Any, fields_of(fact, telemetry.traceparent()))
                pipeline.xadd(stream_key(stream), fields, maxlen=keep, approximate=True)
            await pipeline.execute()


def replies(answer: Any) -> Iterable[tuple[str, list[Raw]]]:
    """XREAD's and XREADGROUP's answer, which differs between protocol versions."""
    pairs = answer.items() if isinstance(answer, dict) else answer or []
    for key, entries in pairs:
        yield key.decode(), [_raw(entry) for entry in _flat(entries)]


def _flat(entries: Any) -> list[Any]:
    # RESP3 wraps a stream's entries in one more list.
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _raw(entry: Any) -> Raw:
    entry_id, fields = entry
    return entry_id, fields or {}


def seconds_ago(client: redis.Redis, seconds: float) -> str:
    """The id an entry of that moment would have, by the clock that makes the ids."""
    return seconds_before(client.time(), seconds)


def seconds_before(time_answer: Any, seconds: float) -> str:
    """The same, by what that clock has answered."""
    now, micros = cast(tuple[int, int], time_answer)
    return f"{max(0, now * 1000 + micros // 1000 - int(seconds * 1000))}-0"


def ensure_group(client: redis.Redis, stream: str, group: str) -> None:
    """Make the stream and the group if they are missing; a new group reads from the beginning."""
    try:
        client.xgroup_create(stream_key(stream), group, id="0", mkstream=True)
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def trim(client: redis.Redis, stream: str, *, keep_seconds: float = KEEP_SECONDS) -> None:
    """Drop what every group has acknowledged, but never the last seconds: tails read those.

    To keep 0 seconds is to drop it to the last entry; else whole blocks go, which costs less.
    """
    key = stream_key(stream)
    if not client.exists(key):
        return
    groups = client.xinfo_groups(key)
    oldest = [_needed_from(client, key, group) for group in groups]
    if keep_seconds or not groups:
        oldest.append(seconds_ago(client, keep_seconds if groups else _KEEP_UNREAD_SECONDS))
    client.xtrim(key, minid=min(oldest, key=_order), approximate=keep_seconds > 0)


def consumed_before(client: redis.Redis, stream: str) -> Callable[[bytes], bool]:
    """Tells of an entry's id whether every group has read and acknowledged it."""
    key = stream_key(stream)
    groups = client.xinfo_groups(key) if client.exists(key) else []
    read = [_order(group["last-delivered-id"].decode()) for group in groups]
    pending = [client.xpending(key, group["name"])["min"] for group in groups]
    held = [_order(first.decode()) for first in pending if first is not None]

    def consumed(entry_id: bytes) -> bool:
        place = _order(entry_id.decode())
        return all(place <= one for one in read) and all(place < one for one in held)

    return consumed


def _needed_from(client: redis.Redis, key: str, group: dict[str, Any]) -> str:
    pending = client.xpending(key, group["name"])
    if pending["pending"]:
        return pending["min"].decode()
    milliseconds, number = _order(group["last-delivered-id"].decode())
    return f"{milliseconds}-{number + 1}"


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def forget_dead_consumers(client: redis.Redis, stream: str, group: str, *, own: str) -> None:
    """Take consumers off the group that hold nothing and have not been seen for an hour."""
    key = stream_key(stream)
    for consumer in client.xinfo_consumers(key, group):
        name = consumer["name"].decode()
        idle = consumer["idle"] > _FORGOTTEN_CONSUMER_MS
        if idle and consumer["pending"] == 0 and name != own:
            client.xgroup_delconsumer(key, group, name)
