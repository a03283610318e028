"""The OpenAPI document and what is written around it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

DESCRIPTION = """\
Sign in with `POST /api/v1/auth/token`, send the access token as `Authorization: Bearer …`.

Lists answer `{"items": [...], "next_page_token": ...}`; ask the next page with `page_token`.
Everything that is not a success is `application/problem+json` (RFC 9457).

No text holds NUL or lone surrogates, no name stands twice in JSON, and what is not named here is
refused.
Formats of our own: `page-token` is the `next_page_token` of an answer to the same question;
`username` does not mix alphabets whose letters look alike; `new-password` is none of the most
common ones; `country` is assigned by ISO 3166-1 (alpha-2), and `language` is of ISO 639-1,
optionally with such a country; an `idempotency-key` that comes again comes with the same body.

Answers to GET carry an `ETag`; with it in `If-None-Match` the answer is 304 until it changes.

Show what `X-Attribution` says wherever you show movies: this product uses the TMDB API but is not
endorsed or certified by TMDB. Where to watch: data provided by JustWatch.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "auth", "description": "Registration, tokens, log-out."},
    {"name": "me", "description": "Your account, profile, preferences and numbers."},
    {"name": "movies", "description": "Browse, search, lists and single movies."},
    {"name": "people", "description": "People of the movie world."},
    {"name": "collections", "description": "Movies that belong together."},
    {"name": "interactions", "description": "Favorites, ratings, watchlist, hidden movies."},
    {"name": "lists", "description": "Lists of movies that people make."},
    {"name": "imports", "description": "What you did elsewhere, brought here."},
    {"name": "recommendations", "description": "What is for you, and why."},
    {"name": "activity", "description": "What was stored of what you did."},
    {"name": "stream", "description": "What happens, told while it happens."},
    {"name": "social", "description": "Following and public profiles."},
    {"name": "admin", "description": "For admins."},
]


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _header(kind: str, description: str) -> dict[str, Any]:
    return {"required": True, "description": description, "schema": {"type": kind}}


_UNREADABLE = {
    "400": _problem("The body cannot be read."),
    "413": _problem("The body is too large."),
}
"""What any operation with a body may answer before it is looked at."""

_BAD_TOKEN = {"401": _problem("An access token that is not good any more.")}
"""Also where none is needed: whoever sends one is told when it is not good."""

_COMPONENTS = {
    "headers": {
        "ETag": _header("string", "Version of what is answered."),
        "Retry-After": _header("integer", "Seconds."),
        "WWW-Authenticate": _header("string", "How to say who one is."),
    }
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "ETags the caller has; `*` for any.",
    "schema": {"type": "string"},
}
_HEADERS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
_UNTAGGED = ("export_me", "follow_stream")
"""What is sent while it is made has no version."""


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document; made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=TAGS,
        )
        app.openapi_schema = _finished(document)
    return app.openapi_schema


def _finished(document: dict[str, Any]) -> dict[str, Any]:
    """Operation ids are the functions' names; FastAPI's own error shapes are not ours."""
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            if path.startswith("/api/v1/") and "auth" not in operation["tags"]:
                operation["responses"] = {**_BAD_TOKEN, **operation["responses"]}
            if "requestBody" in operation:
                operation["responses"] = {**_UNREADABLE, **operation["responses"]}
            for status, response in operation["responses"].items():
                _problem_only(response)
                if status in _HEADERS:
                    _carries(response, _HEADERS[status])
            _conditional(path, verb, operation)
    document["components"] |= _COMPONENTS
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def _conditional(path: str, verb: str, operation: dict[str, Any]) -> None:
    """Answers that carry an ETag, and what may be asked with one."""
    if not path.startswith("/api/v1/") or operation["operationId"] in _UNTAGGED:
        return
    if verb in ("get", "put", "patch"):
        for status in sorted({"200", "201"} & set(operation["responses"])):
            _carries(operation["responses"][status], "ETag")
    if verb == "get":
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        operation["responses"]["304"] = {"description": "What `If-None-Match` names is still so."}
        _carries(operation["responses"]["304"], "ETag")


def _carries(response: dict[str, Any], header: str) -> None:
    named = {"$ref": f"#/components/headers/{header}"}
    response.setdefault("headers", {})[header] = named


def _problem_only(response: dict[str, Any]) -> None:
    content = response.get("content", {})
    if "application/problem+json" in content and "application/json" in content:
        schema = content.pop("application/json").get("schema", {})
        content["application/problem+json"] = {"schema": schema}
