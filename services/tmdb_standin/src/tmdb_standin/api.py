"""The RSGI application: authentication, faults, and bytes on the wire."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

import orjson
from granian.rsgi import (
    HTTPProtocol,  # pyright: ignore[reportPrivateImportUsage] -- granian documents it there
    ProtocolClosed,  # pyright: ignore[reportPrivateImportUsage] -- as above
    Scope,
)

from tmdb_standin import errors, movie_answers, posters
from tmdb_standin.admin import Admin
from tmdb_standin.answer import JSON_TYPE, Answer, json_answer
from tmdb_standin.asked import Asked, query_of
from tmdb_standin.errors import Refused
from tmdb_standin.exports import Exports
from tmdb_standin.fate import Fate
from tmdb_standin.meter import Meter
from tmdb_standin.prepared import Prepared
from tmdb_standin.routes import endpoint_of
from tmdb_standin.settings import Settings
from tmdb_standin.vocabulary import FIRST_ID
from tmdb_standin.world import World

log = logging.getLogger(__name__)


class Api:
    """The stand-in as an RSGI application: what granian asks with the fewest calls."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.token.get_secret_value().encode()
        self._public_url = settings.public_url.rstrip("/")
        self._world = World(settings)
        self._meter = Meter()
        self._admin = Admin(self._world, self._meter)
        self._exports = Exports(self._world, settings.export_folder)
        folder = settings.prepared
        self._prepared = Prepared(folder, self._world) if folder else None

    async def __call__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(scope, protocol)
        except Refused as refusal:
            answer = _refused(refusal)
        except Exception:
            log.exception("no answer to %s %s", scope.method, scope.path)
            answer = _refused(errors.server_error(500))
        if not scope.path.startswith("/_"):
            self._meter.statuses[answer.status] += 1
        headers = [*answer.headers, ("date", self._date())]
        if answer.pieces is None:
            protocol.response_bytes(answer.status, headers, answer.body)
        else:
            await _stream(answer.status, headers, answer.pieces, protocol)

    async def _answer(self, scope: Scope, protocol: HTTPProtocol) -> Answer:
        path = scope.path
        if path.startswith("/_"):
            return await self._admin.answer(scope.method, path, await protocol())
        fate = self._world.faults.meet(path, self._meter.count())
        is_fifth = self._meter.requests % 5 == 0
        if fate.delay_seconds:
            await asyncio.sleep(fate.delay_seconds)
        if fate.limit:
            raise self._too_many(fate.limit)
        if fate.error:
            raise errors.server_error(fate.error)
        if path.startswith("/p/exports/"):
            return self._export(path, fate)
        if path.startswith("/t/p/"):
            return self._picture(path)
        if not path.startswith("/3/") or scope.method != "GET":
            raise errors.not_found()
        return self._encoded(self._three(scope, path, fate), fate, is_fifth=is_fifth)

    def _three(self, scope: Scope, path: str, fate: Fate) -> bytes:
        text, headers = scope.query_string, scope.headers
        query = query_of(text)
        self._check_token(headers.get("authorization", ""), query.get("api_key", ""))
        stale = fate.stale_seconds
        body = self._prepared.body(path, text) if self._prepared and not stale else None
        if body is not None:
            self._meter.prepared += 1
            self._meter.movie_query = text
            return body
        parts = tuple(path[3:].strip("/").split("/"))
        endpoint = endpoint_of(parts)
        base_url = self._public_url or f"http://{headers.get('host', '')}"
        as_of = self._world.clock.now() - timedelta(seconds=stale)
        asked = Asked(parts, query, base_url, as_of)
        body = orjson.dumps(endpoint(self._world, asked))
        if endpoint is movie_answers.movie and "api_key" not in query:
            self._meter.movie_query = text
        return body

    def _encoded(self, body: bytes, fate: Fate, *, is_fifth: bool) -> Answer:
        headers = [
            ("content-type", JSON_TYPE),
            ("vary", "accept-encoding"),
            ("cache-control", "public, max-age=21600"),
        ]
        if stale := fate.stale_seconds:
            age = stale // 3
            headers += [("age", str(age)), ("x-memc-age", str(stale - age))]
        elif is_fifth:
            headers += [("age", "0"), ("x-memc", "HIT"), ("x-memc-age", "0")]
        body, gzipped = fate.encode(body)
        if gzipped:
            headers.append(("content-encoding", "gzip"))
        return Answer(200, body, headers)

    def _too_many(self, limit: int) -> Refused:
        refusal, faults = errors.rate_limited(limit), self._world.faults.faults
        if faults.retry_after == "seconds":
            refusal.headers.append(("retry-after", str(faults.retry_after_seconds)))
        elif faults.retry_after == "date":
            until = self._world.clock.now() + timedelta(seconds=faults.retry_after_seconds)
            refusal.headers.append(("retry-after", _http_date(until)))
        return refusal

    def _check_token(self, authorization: str, api_key: str) -> None:
        scheme, _, bearer = authorization.partition(" ")
        given = (bearer.strip() if scheme.lower() == "bearer" else api_key).encode()
        known = hmac.compare_digest(given, self._token)
        if not known or self._world.faults.faults.refuse_tokens:
            raise errors.invalid_key()

    def _picture(self, path: str) -> Answer:
        found = posters.parse(path.rsplit("/", 1)[-1])
        if found is None:
            raise errors.not_found()
        kind, owner, version = found
        title, caption = self._titles(kind, owner)
        picture = posters.draw(kind, owner, version, title, caption)
        headers = [("content-type", "image/svg+xml"), ("cache-control", "max-age=31536000")]
        return Answer(200, picture, headers)

    def _titles(self, kind: str, owner: int) -> tuple[str, str]:
        world, number = self._world, owner - FIRST_ID
        if kind in "pb":
            movie = world.find(str(owner))
            genres = " · ".join(genre["name"] for genre in world.details.genres(movie, "en"))
            year = str(movie.release_date.year) if movie.release_date else ""
            return world.stories.title(movie, "en"), f"{year} {genres}".strip()
        if kind in "cd":
            if not world.catalogue.collection_places(number):
                raise errors.not_found()
            return world.stories.collection_name(number), ""
        if kind == "f":
            if world.people.index_of(owner) is None:
                raise errors.not_found()
            return world.people.name(number), world.people.pool_of(number).trade.department
        return f"No. {number + 1}", ""

    def _export(self, path: str, fate: Fate) -> Answer:
        kind = self._exports.find(path.rsplit("/", 1)[-1], self._world.clock.today())
        if kind is None:
            raise errors.not_found()
        pieces = self._exports.chunks(kind)
        headers = [("content-type", "application/gzip")]
        return Answer(200, b"", headers, _first_half(pieces) if fate.truncated else pieces)

    def _date(self) -> str:
        return _http_date(self._world.clock.now().replace(microsecond=0))


@lru_cache(maxsize=2)
def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _refused(refusal: Refused) -> Answer:
    return json_answer(refusal.body(), refusal.status, refusal.headers)


async def _first_half(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Half of the first piece that holds anything."""
    async for piece in pieces:
        if half := piece[: len(piece) // 2]:
            yield half
            return


async def _stream(
    status: int,
    headers: list[tuple[str, str]],
    pieces: AsyncIterator[bytes],
    protocol: HTTPProtocol,
) -> None:
    body = protocol.response_stream(status, headers)
    try:
        async for piece in pieces:
            if piece:
                await body.send_bytes(piece)
            await asyncio.sleep(0)
    except ProtocolClosed:
        log.info("nobody listens any more")
    except Exception:
        log.exception("an answer ends half way")
