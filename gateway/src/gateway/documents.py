"""The OpenAPI document and what is written around it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

DESCRIPTION = """\
Sign in with `POST /api/v1/auth/token`, send the access token as `Authorization: Bearer …`.

Lists answer `{"items": [...], "next_page_token": ...}`; ask the next page with `page_token`.
Everything that is not a success is `application/problem+json` (RFC 9457).

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


_UNREADABLE = {
    "400": _problem("The body cannot be read."),
    "413": _problem("The body is too large."),
}
"""What any operation with a body may answer before it is looked at."""

_BAD_TOKEN = {"401": _problem("An access token that is not good any more.")}
"""Also where none is needed: whoever sends one is told when it is not good."""


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
        for operation in operations.values():
            if path.startswith("/api/v1/") and "auth" not in operation["tags"]:
                operation["responses"] = {**_BAD_TOKEN, **operation["responses"]}
            if "requestBody" in operation:
                operation["responses"] = {**_UNREADABLE, **operation["responses"]}
            for response in operation["responses"].values():
                _problem_only(response)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def _problem_only(response: dict[str, Any]) -> None:
    content = response.get("content", {})
    if "application/problem+json" in content and "application/json" in content:
        schema = content.pop("application/json").get("schema", {})
        content["application/problem+json"] = {"schema": schema}
