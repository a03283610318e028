"""Writes that could double: the same request id gives the first answer again."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from chassis.errors import Invalid
from chassis.tables import idempotency

_KEPT = timedelta(hours=24)
_LONGEST_REQUEST_ID = 200


class RequestIdReused(Invalid):
    """The same request id came with another request."""


def once(
    connection: Connection,
    *,
    user_id: UUID,
    operation: str,
    request_id: str,
    request: bytes,
    act: Callable[[], bytes],
) -> bytes:
    """What `act` answers, or answered to this user's same request within the last 24 hours.

    `request` is the serialised request without its id, the answer a serialised response. It all
    belongs to the caller's transaction: a second one that comes meanwhile waits for the first.
    Without a request id it is `act()`.
    """
    if not request_id:
        return act()
    if len(request_id) > _LONGEST_REQUEST_ID:
        raise Invalid(f"must be at most {_LONGEST_REQUEST_ID} characters", field="request_id")
    key: dict[str, object] = {"user_id": user_id, "operation": operation, "request_id": request_id}
    digest = sha256(request).digest()
    if not connection.execute(_claim(key, digest)).rowcount:
        return _first_answer(connection, key, digest)
    response = act()
    connection.execute(sa.update(idempotency).where(*_is(key)).values(response=response))
    return response


def forget(connection: Connection, *, user_id: UUID, operation: str, request_id: str) -> None:
    """Let the request act anew: what it was answered with is no more."""
    key: dict[str, object] = {"user_id": user_id, "operation": operation, "request_id": request_id}
    connection.execute(sa.delete(idempotency).where(*_is(key)))


def _claim(key: dict[str, object], digest: bytes) -> sa.Insert:
    """Take the id, also from somebody who used it long ago; no row when it is in use."""
    statement = insert(idempotency).values(**key, request_hash=digest)
    return statement.on_conflict_do_update(
        index_elements=list(key),
        set_={"request_hash": digest, "response": None, "created_at": sa.func.now()},
        where=idempotency.c.created_at < sa.func.now() - _KEPT,
    )


def _first_answer(connection: Connection, key: dict[str, object], digest: bytes) -> bytes:
    columns = sa.select(idempotency.c.request_hash, idempotency.c.response)
    row = connection.execute(columns.where(*_is(key))).one()
    if bytes(row.request_hash) != digest:
        raise RequestIdReused("was used for another request", field="request_id")
    return bytes(row.response)


def _is(key: dict[str, object]) -> list[sa.ColumnElement[bool]]:
    return [idempotency.c[name] == value for name, value in key.items()]
