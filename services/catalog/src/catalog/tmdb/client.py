"""TMDb over HTTP: one thin layer that knows tokens, the rate budget and the age of an answer."""

import asyncio
import random
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import brotli
import orjson

from catalog.tmdb.budget import RateBudget
from catalog.tmdb.connection import LARGEST_BODY, BodyTooLarge, Left, NoAnswer, Response
from catalog.tmdb.errors import (
    BadAnswer,
    Gone,
    SourceDenied,
    SourceUnavailable,
    UnknownEncoding,
)
from catalog.tmdb.transport import Transport, transport

_APPENDED = "credits,keywords,release_dates,videos,translations,external_ids,watch/providers"
_FIRST_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 120.0
_SHOWN = 65_536
_SHOWN_OF_LOCATION = 200
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
    """Why there is no answer for now, and whether it is worth a try of those there are."""

    problem: str
    too_many: bool = False
    left: bool = False


class Tmdb:
    """A TMDb-compatible server."""

    def __init__(self, transport: Transport, access: Access, budget: RateBudget) -> None:
        self._transport = transport
        self._key = {} if access.token else {"api_key": access.api_key}
        self._has_credentials = bool(access.token or access.api_key)
        self._attempts = access.attempts
        self._budget = budget
        self._plain = self._asked({"language": "en-US"})
        self._whole = self._asked({"language": "en-US", "append_to_response": _APPENDED})
        self.requests_count = 0
        self.answers_count = 0
        self.trouble = ""
        """What TMDb complained about last, until it answers again."""

    async def movie(self, movie_id: int) -> Answer:
        """One movie with everything that hangs on it; Gone only after a second, plain look."""
        path = f"/movie/{movie_id}"
        try:
            return await self._get(path + self._whole)
        except Gone:
            await self._get(path + self._plain)
        # The plain look found it: the first answer was a glitch of some cache.
        return await self._get(path + self._whole)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """The answer of a path; waits out complaints, and says by its error who is to blame."""
        return await self._get(path + self._asked(query or {}))

    def _asked(self, query: Mapping[str, str]) -> str:
        return "?" + urlencode({**query, **self._key}, safe=",/")

    async def _get(self, target: str) -> Answer:
        complaint, tries = _Complaint(""), 0
        while tries < self._attempts:
            answered = self.answers_count
            answer = await self._try(target)
            if isinstance(answer, Answer):
                self.answers_count += 1
                self.trouble = ""
                return answer
            complaint = answer
            if complaint.left:
                continue  # there are only so many kept connections
            self.trouble = f"TMDb: {complaint.problem}; waiting"
            # "Too many" while others get through means only that it is not our turn yet.
            if not (complaint.too_many and self.answers_count > answered):
                tries += 1
            await asyncio.sleep(_backoff(tries))
        raise SourceUnavailable(f"TMDb: {complaint.problem}; gave up after {tries} tries")

    async def _try(self, target: str) -> Answer | _Complaint:
        """An answer, or what TMDb complains about for now."""
        try:
            async with self._budget.turn():
                self.requests_count += 1
                response = await self._transport.get(target)
        except Left as error:
            return _Complaint(f"no answer ({error})", left=True)
        except (NoAnswer, TimeoutError) as error:
            self._budget.complain()
            return _Complaint(f"no answer ({type(error).__name__}: {error})")
        except BodyTooLarge as error:
            raise BadAnswer(str(error), error.body[:_SHOWN]) from error
        return self._read(response)

    def _read(self, response: Response) -> Answer | _Complaint:
        raw, headers = response.body, response.headers
        encoding = headers.get("content-encoding", "")
        if response.status == _OK:
            return self._unpacked(raw, encoding, headers)
        with suppress(BadAnswer, UnknownEncoding):
            raw = decoded(raw, encoding)
        return self._judged(response.status, headers, raw)

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
        elsewhere = headers.get("location", "")[:_SHOWN_OF_LOCATION]
        raise BadAnswer(f"{status} {f'to {elsewhere}' if elsewhere else _message(body)}", body)


@asynccontextmanager
async def connected(access: Access, budget: RateBudget) -> AsyncGenerator[Tmdb, None]:
    """A client with its own connections, for the length of the block."""
    headers = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "marquee"}
    if access.token:
        if not (access.token.isascii() and access.token.isprintable()):
            raise SourceDenied("TMDB_READ_TOKEN holds a character that no token has: a line's end?")
        headers["authorization"] = f"Bearer {access.token}"
    way = transport(access.base_url, headers, access.timeout_seconds)
    try:
        yield Tmdb(way, access, budget)
    finally:
        await way.close()


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


def _inflated(body: bytes, window: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    unpacked = unpacker.decompress(body, LARGEST_BODY)
    if not unpacker.eof:
        raise EOFError("it ends before its end, or never")
    return unpacked


def _unbrotlied(body: bytes) -> bytes:
    unpacker = brotli.Decompressor()
    unpacked = unpacker.process(body, output_buffer_limit=LARGEST_BODY)
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
    """When the body was true: its date less the time it lay in caches on the way.

    Never in the future: every later answer would be held for an older one until then.
    """
    now = datetime.now(UTC)
    said_at = min(_moment(headers.get("date", "")) or now, now)
    age = _seconds(headers, "age") + _seconds(headers, "x-memc-age")
    return said_at - timedelta(seconds=age) if age else said_at


@lru_cache(maxsize=64)
def _moment(text: str) -> datetime | None:
    """A moment of HTTP; many answers come in the same second."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long a 429 asks to wait, in seconds or until a date; often it does not say."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isdecimal():
        return min(float(text[:9]), _LONGEST_RETRY_AFTER_SECONDS)
    until = _moment(text)
    if until is None:
        return None
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
    told = str(answer.get("status_message", "")) if isinstance(answer, dict) else ""
    return told.replace("\0", "")[:200]  # PostgreSQL's text holds no NUL
