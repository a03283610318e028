"""Conditional requests: entity tags made, compared and demanded."""

import hashlib
from typing import Any

import orjson
from fastapi import Request, Response

from gateway.problems import ProblemError

ATTRIBUTION = (
    "This product uses the TMDB API but is not endorsed or certified by TMDB."
    " Where to watch: data provided by JustWatch."
)
_SHOWS_TMDB = tuple(
    f"/api/v1/{noun}"
    for noun in ("movies", "genres", "people", "collections", "me/recommendations")
)
PUBLIC = "public, max-age=15"
PRIVATE = "private, no-cache"


def tagged(
    request: Request, value: Any, *, etag: str = "", cache: str = PRIVATE, status: int = 200
) -> Response:
    """JSON with an ETag, or 304 when the caller has it already.

    `etag` is the owner's version where there is one; else the bytes themselves are hashed.
    """
    body = orjson.dumps(value)
    return tagged_bytes(request, body, etag or etag_of(body), cache=cache, status=status)


def etag_of(body: bytes) -> str:
    """The version of an answer that has no other."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def tagged_bytes(
    request: Request, body: bytes, etag: str, *, cache: str = PRIVATE, status: int = 200
) -> Response:
    """`tagged` for JSON that is ready."""
    tag = f'"{etag}"'
    headers = {"ETag": tag, "Cache-Control": cache}
    if cache == PUBLIC:
        headers["Vary"] = "Accept-Language, Authorization"
    if request.scope.get("path", "").startswith(_SHOWS_TMDB):
        headers["X-Attribution"] = ATTRIBUTION
    if request.method == "GET" and _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def expected(request: Request) -> str:
    """The version `If-Match` demands, for a service to compare; empty for any."""
    header = request.headers.get("if-match", "").strip()
    if header in ("", "*"):
        return ""
    tags = [part.strip() for part in header.split(",")]
    if len(tags) != 1 or not (len(tags[0]) > 2 and tags[0][0] == tags[0][-1] == '"'):
        raise ProblemError(412, "PRECONDITION_FAILED", "If-Match must hold one strong entity tag.")
    return tags[0][1:-1]


def _matches(header: str, tag: str) -> bool:
    if not header:
        return False
    given = [part.strip().removeprefix("W/") for part in header.split(",")]
    return tag in given or "*" in given
