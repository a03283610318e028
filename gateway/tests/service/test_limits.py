"""Limits at the routes, and what is left of them in Redis."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import httpx
from fastapi import Request

from gateway.cache import Multiplexed
from gateway.limits import Limit, Limits


async def test_a_customer_of_ipv6_has_one_limit_whatever_the_address(
    gateway: Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]],
) -> None:
    async with gateway(reset_limit=1, users_address="127.0.0.1:1") as api:

        async def refused(address: str) -> bool:
            reply = await api.post(
                "/api/v1/auth/password-reset",
                json={"email": "somebody@example.com"},
                headers={"X-Forwarded-For": address},
            )
            assert reply.status_code in {429, 503}, reply.text
            return reply.status_code == 429

        assert not await refused("2001:db8:1:2::a")
        assert await refused("2001:db8:1:2:ffff::b")
        assert not await refused("2001:db8:1:3::a")


async def test_no_count_stays_for_ever_though_the_gateway_dies_after_it(
    deaf_edge: tuple[Any, Multiplexed],
) -> None:
    edge, connection = deaf_edge
    who, seconds = str(uuid4()), 10_000_000
    edge.deaf_to = who.encode()
    request = Request({"type": "http", "headers": []})
    await Limits(connection).take(Limit("test", 3, seconds), who, request)
    edge.deaf_to = b""
    (key,) = await connection.run("KEYS", f"*{who}*")
    assert 0 < await connection.run("TTL", key) <= seconds
