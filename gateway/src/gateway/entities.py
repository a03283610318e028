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
    for noun in (
        "movies", "genres", "people", "collections", "me/recommendations", "me/favorites",
        "me/ratings", "me/watchlist", "me/hidden", "lists",
    )
)  # fmt: skip
_HASHED = ":"
"""Stands in no version of an owner's."""
PUBLIC = "public, max-age=15"
PRIVATE = "private, no-cache"


def tagged(
    request: Request, value: Any, *, etag: str = "", cache: str = PRIVATE, status: int = 200
) -> Response:
    """JSON with an ETag, or 304 when the caller has it already.

    The tag is a hash of the bytes. Where the owner knows a version it stands before the hash, and
    is all that a later `If-Match` is compared by: what is shown of others (a movie's title in
    another language) makes another answer, but not another state.
    """
    body = orjson.dumps(value)
    tag = etag_of(body)
    whole = f"{etag}{_HASHED}{tag}" if etag else tag
    return tagged_bytes(request, body, whole, cache=cache, status=status)


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


def expected(header: str | None) -> str:
    """The version `If-Match` demands, for a service to compare: empty for any or none, `*` for any.

    Weak tags never match, so they are refused here.
    """
    return _one_tag("If-Match", (header or "").strip())


def unwanted(header: str | None) -> str:
    """The version `If-None-Match` forbids; empty for none, `*` for any."""
    return _one_tag("If-None-Match", (header or "").strip().removeprefix("W/"))


def _one_tag(name: str, text: str) -> str:
    if text in ("", "*"):
        return text
    inside = text[1:-1]
    if len(text) <= len('""') or text != f'"{inside}"' or '"' in inside:
        raise ProblemError(412, "PRECONDITION_FAILED", f"{name} must hold one strong entity tag.")
    return inside.partition(_HASHED)[0] or inside


def _matches(header: str, tag: str) -> bool:
    if not header:
        return False
    given = [part.strip().removeprefix("W/") for part in header.split(",")]
    return tag in given or "*" in given
