"""TMDb over HTTP: one thin layer that knows tokens, the rate budget and the age of an answer."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from catalog.tmdb.budget import RateBudget
from catalog.tmdb.errors import BadAnswer, Gone, SourceDenied, SourceUnavailable

_APPENDED = "credits,keywords,release_dates,videos,translations,external_ids,watch/providers"
_TIMEOUT = httpx.Timeout(30.0, connect=5.0, pool=None)
_FIRST_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 120.0
_TOO_MANY = 429
_DENIED = 401
_NOT_FOUND = 404
_SERVER_ERROR = 500
_OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, and the moment it was true: caches on the way may hold it for hours."""

    body: bytes
    as_of: datetime


@dataclass(frozen=True)
class Access:
    """Where TMDb is and how to knock."""

    base_url: str
    token: str
    """The v4 read token; sent as a header, which keeps it out of logs."""
    api_key: str
    """The v3 key, used only when there is no token."""
    connections: int
    attempts: int
    """How often a complaint or silence is waited out before a run gives up."""


@dataclass(frozen=True, slots=True)
class _Complaint:
    """Why there is no answer for now, and whether only for there being too many of us."""

    problem: str
    too_many: bool = False


class Tmdb:
    """A TMDb-compatible server."""

    def __init__(self, http: httpx.AsyncClient, access: Access, budget: RateBudget) -> None:
        self._http = http
        self._base_url = access.base_url.rstrip("/")
        self._key = {} if access.token else {"api_key": access.api_key}
        self._attempts = access.attempts
        self._budget = budget
        self.requests_count = 0
        self.answers_count = 0

    async def movie(self, movie_id: int) -> Answer:
        """One movie with everything that hangs on it; Gone only after a second, plain look."""
        path, query = f"/movie/{movie_id}", {"language": "en-US"}
        try:
            return await self.get(path, {**query, "append_to_response": _APPENDED})
        except Gone:
            await self.get(path, query)
        # The plain look found it: the first answer was a glitch of some cache.
        return await self.get(path, {**query, "append_to_response": _APPENDED})

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """The answer of a path; waits out complaints, and says by its error who is to blame."""
        url = str(httpx.URL(self._base_url + path, params={**(query or {}), **self._key}))
        complaint, tries = _Complaint(""), 0
        while tries < self._attempts:
            answered = self.answers_count
            await self._budget.acquire()
            self.requests_count += 1
            answer = await self._try(url)
            if isinstance(answer, Answer):
                self.answers_count += 1
                return answer
            complaint = answer
            # "Too many" while others get through means only that it is not our turn yet.
            if not (complaint.too_many and self.answers_count > answered):
                tries += 1
            await asyncio.sleep(_backoff(tries))
        raise SourceUnavailable(f"TMDb: {complaint.problem}; gave up after {tries} tries")

    async def _try(self, url: str) -> Answer | _Complaint:
        """An answer, or what TMDb complains about for now."""
        try:
            response = await self._http.get(url)
        except httpx.DecodingError as error:
            raise BadAnswer(f"the body's encoding is broken: {error}", b"") from error
        except (httpx.TransportError, TimeoutError) as error:
            self._budget.complain()
            return _Complaint(f"no answer ({type(error).__name__}: {error})")
        status = response.status_code
        if status == _OK:
            return Answer(response.content, as_of(response.headers))
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            self._budget.complain(retry_after_seconds(response.headers))
            return _Complaint(f"{status} {_message(response.content)}", status == _TOO_MANY)
        if status == _DENIED:
            raise SourceDenied(
                f"TMDb refuses the token (401 {_message(response.content)}):"
                " set TMDB_READ_TOKEN or TMDB_API_KEY"
            )
        if status == _NOT_FOUND:
            raise Gone
        raise BadAnswer(f"{status} {_message(response.content)}", response.content)


@asynccontextmanager
async def connected(access: Access, budget: RateBudget) -> AsyncGenerator[Tmdb, None]:
    """A client with its own connections, for the length of the block."""
    headers = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "marquee"}
    if access.token:
        headers["authorization"] = f"Bearer {access.token}"
    limits = httpx.Limits(max_connections=access.connections)
    # aiohttp's connections and parser cost a tenth of httpx's own.
    transport = AiohttpTransport(limits=limits)
    async with httpx.AsyncClient(headers=headers, timeout=_TIMEOUT, transport=transport) as http:
        yield Tmdb(http, access, budget)


def as_of(headers: Mapping[str, str]) -> datetime:
    """When the body was true: its date less the time it lay in caches on the way."""
    try:
        said_at = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        said_at = datetime.now(UTC)
    if said_at.tzinfo is None:
        said_at = said_at.replace(tzinfo=UTC)
    return said_at - timedelta(seconds=_seconds(headers, "age") + _seconds(headers, "x-memc-age"))


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long a 429 asks to wait, in seconds or until a date; often it does not say."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isdecimal():
        return min(float(text[:9]), _LONGEST_RETRY_AFTER_SECONDS)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    wait = (until - datetime.now(UTC)).total_seconds()
    return min(max(wait, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


def _seconds(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "").strip()
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0


def _backoff(attempt: int) -> float:
    longest = min(_FIRST_DELAY_SECONDS * 2**attempt, _LONGEST_DELAY_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter guards nothing


def _message(body: bytes) -> str:
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(answer.get("status_message", ""))[:200] if isinstance(answer, dict) else ""
