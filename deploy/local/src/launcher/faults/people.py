"""People who write without pause, repeat what was not acknowledged, and remember what was."""

import asyncio
import random
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from launcher.settings import Failure

# What a process that is away for a moment looks like from outside, and is worth another try.
AWAY = frozenset({429, 502, 503, 504})
# In the order of the recommender's numbers for them.
KINDS = ("ratings", "favorites", "watchlist", "hidden")
REQUEST_ID = "x-request-id"
_TOKEN_SECONDS = 300.0
_RETRY_SECONDS = 0.1
_GIVE_UP_SECONDS = 120.0
_PAGE = 100
_REMOVALS = 0.25


@dataclass
class Tally:
    """What was answered to all of them."""

    acknowledged: int = 0
    repeated: int = 0
    unexpected: Counter[str] = field(default_factory=Counter[str])

    def note(self, what: str, reply: httpx.Response) -> None:
        """An answer that should not have been, with its first words."""
        operation = re.sub(r"\d+|=.*", "*", what)
        self.unexpected[f"{operation}: {reply.status_code} {reply.text[:200]}"] += 1


class Writer:
    """One person, and what the suite has promised them to keep: by kind, movie and value."""

    def __init__(self, client: httpx.AsyncClient, tally: Tally, chance: random.Random) -> None:
        self.username = f"fault-{secrets.token_hex(6)}"
        self.user_id = ""
        self.kept: dict[str, dict[int, float]] = {kind: {} for kind in KINDS}
        self._client = client
        self._tally = tally
        self._chance = chance
        self._password = secrets.token_urlsafe(12)
        self._token = ""
        self._token_until = 0.0

    async def register(self) -> None:
        """Become known."""
        body = {
            "username": self.username,
            "email": f"{self.username}@marquee.example",
            "password": self._password,
        }
        reply = await self._client.post("/auth/register", json=body)
        if reply.status_code != HTTPStatus.CREATED:
            raise Failure(f"registering was answered by {reply.status_code}: {reply.text[:200]}")
        self.user_id = reply.json()["user"]["user_id"]
        self._signed_in(reply)

    async def write(self, movies: Sequence[int]) -> None:
        """One write, repeated until it is acknowledged."""
        kind, movie = self._chance.choice(KINDS), self._chance.choice(movies)
        kept = self.kept[kind]
        path = f"/me/{kind}/{movie}"
        if movie in kept and self._chance.random() < _REMOVALS:
            await self.ask("DELETE", path)
            del kept[movie]
        else:
            rating = self._chance.randint(1, 10) / 2
            body = {"json": {"rating": rating}} if kind == "ratings" else {}
            await self.ask("PUT", path, **body)
            kept[movie] = rating if kind == "ratings" else 1.0
        self._tally.acknowledged += 1

    async def listed(self, kind: str) -> dict[int, float]:
        """What the suite says it keeps, from all pages."""
        found: dict[int, float] = {}
        async for item in self._items(f"/me/{kind}"):
            found[item["movie_id"]] = item["rating"] if kind == "ratings" else 1.0
        return found

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The first success; what no outage explains is noted on the way to it."""
        give_up_at = time.monotonic() + _GIVE_UP_SECONDS
        while time.monotonic() < give_up_at:
            reply = await self.ask_once(method, path, **options)
            if reply is not None and reply.is_success:
                return reply
            self._tally.repeated += 1
            await asyncio.sleep(_RETRY_SECONDS)
        raise Failure(f"{method} {path} had no success within {_GIVE_UP_SECONDS:.0f} s")

    async def ask_once(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """One answer, or None when there was none of ours; what no outage explains is noted.

        Traefik answers 404 by itself for the moment between its start and its reading of the
        routes: such an answer lacks the request id that all of ours have.
        """
        try:
            await self._sign_in()
            headers = {"Authorization": f"Bearer {self._token}"}
            reply = await self._client.request(method, path, headers=headers, **options)
        except httpx.TransportError:
            return None
        if REQUEST_ID not in reply.headers:
            return None
        if not reply.is_success and reply.status_code not in AWAY:
            self._tally.note(f"{method} {path}", reply)
        return reply

    async def _items(self, path: str) -> AsyncIterator[dict[str, Any]]:
        token: str | None = ""
        while token is not None:
            query = {"page_size": _PAGE, **({"page_token": token} if token else {})}
            page = (await self.ask("GET", path, params=query)).json()
            for item in page["items"]:
                yield item
            token = page["next_page_token"]

    async def _sign_in(self) -> None:
        if time.monotonic() < self._token_until:
            return
        form = {"grant_type": "password", "username": self.username, "password": self._password}
        reply = await self._client.post("/auth/token", data=form)
        if reply.is_success:
            self._signed_in(reply)
        elif REQUEST_ID in reply.headers and reply.status_code not in AWAY:
            self._tally.note("signing in", reply)

    def _signed_in(self, reply: httpx.Response) -> None:
        self._token = reply.json()["access_token"]
        self._token_until = time.monotonic() + _TOKEN_SECONDS
