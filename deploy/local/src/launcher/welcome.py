"""What a newcomer is told: where to look, who to be, what to paste, how far the sync is."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx

from launcher.state import State

MOVIE_TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.5
PROGRESS_SECONDS = 3.0
ENDED = ("done", "failed")
RECENT_RUNS = 20


class Welcome:
    """Speaks to the suite as a client does, through Traefik."""

    def __init__(self, base_url: str, state: State) -> None:
        self._base_url = base_url
        self._state = state

    async def text(self) -> str:
        """The message; waits until there is a movie that the second line can rate and the third
        can count in."""
        movie_id = await self._some_movie()
        accounts = self._state.read_json(self._state.credentials_path.name)
        return _text(self._base_url, accounts, movie_id)

    async def progress(self) -> AsyncIterator[str]:
        """How far the sync is, again and again until nothing of it runs any more."""
        said = ""
        async with self._client() as client:
            token = await self._admin_token(client)
            while active := [run for run in await _runs(client, token) if _is_active(run)]:
                line = _progress_line(max(active, key=_remaining))
                if line != said:
                    said = line
                    yield line
                await asyncio.sleep(PROGRESS_SECONDS)
        yield "the catalogue is in step with its source"

    async def _some_movie(self) -> int | None:
        movie_id = None
        try:
            async with asyncio.timeout(MOVIE_TIMEOUT_SECONDS), self._client() as client:
                while True:
                    items = _items(await client.get("/movies", params={"page_size": 1}))
                    if items:
                        movie_id = items[0]["movie_id"]
                        if await _is_ranked(client, movie_id):
                            break
                    await asyncio.sleep(POLL_SECONDS)
        except (TimeoutError, httpx.HTTPError):
            pass
        return movie_id

    async def _admin_token(self, client: httpx.AsyncClient) -> str:
        accounts = self._state.read_json(self._state.credentials_path.name)
        form = {"grant_type": "password", **accounts["admin"]}
        reply = await client.post("/auth/token", data=form)
        return reply.raise_for_status().json()["access_token"]

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"{self._base_url}/api/v1", trust_env=False, timeout=10)


async def _is_ranked(client: httpx.AsyncClient, movie_id: int) -> bool:
    """Whether the recommender has heard of it: it does a moment after the catalog."""
    reply = await client.get(f"/movies/{movie_id}/similar", params={"page_size": 1})
    return reply.status_code == HTTPStatus.OK


async def _runs(client: httpx.AsyncClient, token: str) -> list[dict[str, Any]]:
    reply = await client.get(
        "/admin/sync/runs",
        params={"page_size": RECENT_RUNS},
        headers={"Authorization": f"Bearer {token}"},
    )
    return _items(reply)


def _is_active(run: dict[str, Any]) -> bool:
    return run["state"] not in ENDED


def _remaining(run: dict[str, Any]) -> int:
    return run["remaining_count"] or 0


def _items(reply: httpx.Response) -> list[dict[str, Any]]:
    return reply.json()["items"] if reply.status_code == HTTPStatus.OK else []


def _progress_line(run: dict[str, Any]) -> str:
    remaining = _remaining(run)
    rest = f", {remaining:,} to go" if remaining > 0 else ""
    reason = f" ({run['error']})" if run["error"] else ""
    return f"catalogue: {run['stage']} {run['state']}, {run['done_count']:,} done{rest}{reason}"


def _text(base_url: str, accounts: dict[str, Any], movie_id: int | None) -> str:
    api = f"{base_url}/api/v1"
    demo, admin = accounts["demo"], accounts["admin"]
    form = f"-d grant_type=password -d username={demo['username']} -d password={demo['password']}"
    extract = """sed 's/.*"access_token" *: *"\\([^"]*\\)".*/\\1/'"""
    bearer = '-H "Authorization: Bearer $TOKEN"'
    json = "-H 'Content-Type: application/json' -d '{\"rating\": 4.5}'"
    return f"""
Marquee is ready.

  API and docs   {base_url}/api/docs
  Demo login     {demo["username"]} / {demo["password"]}
  Admin login    {admin["username"]} / {admin["password"]}

Try (in this order):

  TOKEN=$(curl -s {form} {api}/auth/token | {extract})
  curl -s -X PUT {bearer} {json} {api}/me/ratings/{movie_id or 550}
  curl -s {bearer} '{api}/me/recommendations?page_size=5'
"""
