"""Keys of access tokens while users does not answer."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chassis.errors import Refusal, Unavailable
from gateway.auth import Keys
from marquee.users.v1 import users_pb2 as pb


class Users:
    """Answers, or hangs until it is told to give up."""

    def __init__(self) -> None:
        self.asked = 0
        self.hangs = False
        self.gives_up = asyncio.Event()

    async def ListSigningKeys(self, _request: Any) -> pb.ListSigningKeysResponse:
        self.asked += 1
        if self.hangs:
            await self.gives_up.wait()
            raise Unavailable("users does not answer")
        return pb.ListSigningKeysResponse(keys=[pb.SigningKey(key_id="known", public_key=b"key")])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1_000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("gateway.auth.time", clock)
    return clock


async def test_who_brings_a_known_key_waits_for_no_other(clock: SimpleNamespace) -> None:
    users: Any = Users()
    keys = Keys(users)
    await keys.ready_for("known")
    users.hangs = True
    clock.now += 1_000
    first = asyncio.create_task(keys.ready_for("known"))
    unknown = [asyncio.create_task(keys.ready_for("unknown")) for _ in range(3)]
    async with asyncio.timeout(30):
        while users.asked < 2:
            await asyncio.sleep(0)
        await asyncio.gather(*(keys.ready_for("known") for _ in range(100)))
    assert not first.done()

    clock.now += 3
    users.gives_up.set()
    await first
    refusals = await asyncio.gather(*unknown, return_exceptions=True)
    assert [type(one) for one in refusals] == [Unavailable] * 3
    assert users.asked == 5
    await keys.ready_for("known")
    assert users.asked == 5
    assert keys() == {"known": b"key"}


async def test_an_unknown_key_is_not_called_wrong_while_users_is_away(
    clock: SimpleNamespace,
) -> None:
    users: Any = Users()
    users.hangs = True
    users.gives_up.set()
    keys = Keys(users)
    for _ in range(2):
        with pytest.raises(Refusal):
            await keys.ready_for("known")
    users.hangs = False
    await keys.ready_for("known")
    assert keys() == {"known": b"key"}
