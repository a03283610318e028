"""TMDb over HTTP: one thin layer that knows tokens, the rate budget and the age of an answer."""

import asyncio
import random
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import brotli
import orjson
from yarl import URL

from catalog.tmdb.budget import RateBudget
from catalog.tmdb.errors import (
    BadAnswer,
    Gone,
    SourceDenied,
    SourceUnavailable,
    UnknownEncoding,
)

_APPENDED = "credits,keywords,release_dates,videos,translations,external_ids,watch/providers"
_CONNECT_SECONDS = 5.0
_FIRST_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 120.0
_LARGEST_BODY = 16 * 1024 * 1024
_SHOWN = 65_536
_GZIP_OR_ZLIB, _BARE = 47, -15
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
    timeout_seconds: float = 60.0
    """A whole answer later than this is silence."""


@dataclass(frozen=True, slots=True)
class _Complaint:
    """Why there is no answer for now, and whether only for there being too many of us."""

    problem: str
    too_many: bool = False


class Tmdb:
    """A TMDb-compatible server."""

    def __init__(self, http: aiohttp.ClientSession, access: Access, budget: RateBudget) -> None:
        self._http = http
        self._base_url = access.base_url.rstrip("/")
        self._key = {} if access.token else {"api_key": access.api_key}
        self._has_credentials = bool(access.token or access.api_key)
        self._proxy = proxy_for(self._base_url)
        self._attempts = access.attempts
        self._budget = budget
        self.requests_count = 0
        self.answers_count = 0
        self.trouble = ""
        """What TMDb complained about last, until it answers again."""

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
        asked = urlencode({**(query or {}), **self._key}, safe=",/")
        url = URL(f"{self._base_url}{path}?{asked}", encoded=True)
        complaint, tries = _Complaint(""), 0
        while tries < self._attempts:
            answered = self.answers_count
            answer = await self._try(url)
            if isinstance(answer, Answer):
                self.answers_count += 1
                self.trouble = ""
                return answer
            complaint = answer
            self.trouble = f"TMDb: {complaint.problem}; waiting"
            # "Too many" while others get through means only that it is not our turn yet.
            if not (complaint.too_many and self.answers_count > answered):
                tries += 1
            await asyncio.sleep(_backoff(tries))
        raise SourceUnavailable(f"TMDb: {complaint.problem}; gave up after {tries} tries")

    async def _try(self, url: URL) -> Answer | _Complaint:
        """An answer, or what TMDb complains about for now."""
        try:
            async with self._budget.turn():
                self.requests_count += 1
                asking = self._http.get(url, allow_redirects=False, proxy=self._proxy)
                async with asking as response:
                    raw = await _read(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            self._budget.complain()
            return _Complaint(f"no answer ({type(error).__name__}: {error})")
        encoding = response.headers.get("content-encoding", "")
        if response.status == _OK:
            return self._unpacked(raw, encoding, response.headers)
        with suppress(BadAnswer, UnknownEncoding):
            raw = decoded(raw, encoding)
        return self._judged(response.status, response.headers, raw)

    def _unpacked(
        self, raw: bytes, encoding: str, headers: Mapping[str, str]
    ) -> Answer | _Complaint:
        try:
            return Answer(decoded(raw, encoding), as_of(headers))
        except UnknownEncoding as error:
            # Where others are understood it is this record's fault, else TMDb has changed.
            if self.answers_count:
                raise BadAnswer(str(error), raw) from error
            return _Complaint(str(error))

    def _judged(self, status: int, headers: Mapping[str, str], body: bytes) -> _Complaint:
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            self._budget.complain(retry_after_seconds(headers))
            return _Complaint(f"{status} {_message(body)}", status == _TOO_MANY)
        if status == _DENIED:
            refused = "TMDb refuses the token" if self._has_credentials else "no token for TMDb"
            raise SourceDenied(
                f"{refused} (401 {_message(body)}): set TMDB_READ_TOKEN or TMDB_API_KEY"
            )
        if status == _NOT_FOUND:
            raise Gone
        raise BadAnswer(f"{status} {_message(body)}", body)


@asynccontextmanager
async def connected(access: Access, budget: RateBudget) -> AsyncGenerator[Tmdb, None]:
    """A client with its own connections, for the length of the block."""
    headers = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "marquee"}
    if access.token:
        headers["authorization"] = f"Bearer {access.token}"
    async with aiohttp.ClientSession(
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=access.timeout_seconds, sock_connect=_CONNECT_SECONDS),
        connector=aiohttp.TCPConnector(limit=access.connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as http:
        yield Tmdb(http, access, budget)


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address; aiohttp would look, and read netrc, at
    every request, which took more than the request itself."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


def decoded(body: bytes, encoding: str) -> bytes:
    """The body as its header says it is packed, whatever was asked for."""
    for name in reversed([part.strip().lower() for part in encoding.split(",") if part.strip()]):
        unpack = _UNPACKERS.get(name)
        if unpack is None:
            raise UnknownEncoding(f"an encoding we do not know: {name[:40]}")
        try:
            body = unpack(body)
        except (zlib.error, brotli.error, EOFError) as error:
            raise BadAnswer(f"the body's encoding is broken: {error}", body) from error
    return body


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body as it came; no server makes us hold more than a body may be."""
    if response.content_length is not None and response.content_length <= _LARGEST_BODY:
        return await response.read()
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > _LARGEST_BODY:
            raise BadAnswer("the body is too large", bytes(body[:_SHOWN]))
    return bytes(body)


def _inflated(body: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    unpacked = unpacker.decompress(body, _LARGEST_BODY)
    if not unpacker.eof:
        raise EOFError("it ends before its end, or never")
    return unpacked


def _unbrotlied(body: bytes) -> bytes:
    unpacker = brotli.Decompressor()
    unpacked = unpacker.process(body, output_buffer_limit=_LARGEST_BODY)
    if not unpacker.is_finished():
        raise EOFError("it ends before its end, or never")
    return unpacked


_UNPACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": lambda body: _inflated(body, _GZIP_OR_ZLIB),
    "x-gzip": lambda body: _inflated(body, _GZIP_OR_ZLIB),
    "deflate": lambda body: _inflated(body, _GZIP_OR_ZLIB if body[:1] == b"x" else _BARE),
    "br": _unbrotlied,
}


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
