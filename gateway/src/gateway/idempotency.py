"""Idempotency-Key: the same request twice gives the first answer again."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from fastapi import Request, Response
from redis.exceptions import RedisError

from chassis.database import uuid7
from gateway import context
from gateway.auth import Person
from gateway.problems import KEY_REUSED, ProblemError
from gateway.resources.shapes import answer

_KEPT_SECONDS = 24 * 3600

Make = Callable[[str], Awaitable[tuple[int, Any]]]


async def once(request: Request, caller: Person, key: str | None, make: Make) -> Response:
    """What `make(request_id)` answers, or what it answered to this key within 24 hours.

    The first answer is kept in the streams' Redis, which does not evict; the request id is
    derived from the key, so that the owning service tells a repeat even when Redis was emptied.
    The same key with another body is 422.
    """
    if not key:
        status, value = await make(str(uuid7()))
        return answer(value, status=status)
    scope = f"{caller.user_id}:{request.method}:{request.url.path}:{key}"
    digest = hashlib.sha256(await request.body()).hexdigest()
    # The person's id stands in the name: whoever erases them finds it by that.
    name = f"idempotency:{caller.user_id}:{hashlib.sha256(scope.encode()).hexdigest()}"
    if kept := await _kept(request, name):
        return _replayed(kept, digest)
    status, value = await make(str(uuid5(NAMESPACE_URL, scope)))
    await _keep(request, name, {"body": digest, "status": status, "value": value})
    return answer(value, status=status)


async def _kept(request: Request, name: str) -> dict[str, Any] | None:
    try:
        found = await context.of(request).streams.run("GET", name)
    except RedisError:
        return None
    return orjson.loads(found) if found else None


async def _keep(request: Request, name: str, record: dict[str, Any]) -> None:
    try:
        await context.of(request).streams.run(
            "SET", name, orjson.dumps(record), "EX", _KEPT_SECONDS, "NX"
        )
    except RedisError:
        return


def _replayed(kept: dict[str, Any], digest: str) -> Response:
    if kept["body"] != digest:
        raise ProblemError(422, *KEY_REUSED)
    return answer(kept["value"], status=kept["status"], headers={"Idempotent-Replayed": "true"})
