"""Everything that is not a success leaves as application/problem+json (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from chassis.errors import Exhausted, Failed, Invalid, Refusal, Unauthenticated, Unavailable
from chassis.logs import request_id

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"

log = structlog.get_logger()

_STATUS_OF = {
    "INVALID_ARGUMENT": 422,
    "OUT_OF_RANGE": 422,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "FAILED_PRECONDITION": 409,
    "ALREADY_EXISTS": 409,
    "ABORTED": 412,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "UNIMPLEMENTED": 501,
}
KEY_REUSED = ("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key came with another body before.")
"""What services call a request id is made of the client's key."""

_NAMED = {"/query": "/q", "/from_time": "/from", "/to_time": "/to"}
"""Parameters that services know by other names."""

_OWN_MEMBERS = {"type", "title", "status", "detail", "instance"}


class ProblemError(HTTPException):
    """A problem the gateway itself finds; `reason` becomes the type, facts become members."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(status_code=status, detail=detail, headers=dict(headers or {}))
        self.reason = reason
        self.facts = facts


def invalid(pointer: str, detail: str, *, where: str = "body") -> ProblemError:
    """A 422 about one place of the request."""
    return ProblemError(
        422,
        "INVALID",
        "The request is not valid.",
        errors=[{"pointer": pointer, "in": where, "detail": detail}],
    )


def slug(reason: str) -> str:
    """`WATCHLIST_FULL` is `watchlist-full`."""
    return reason.lower().replace("_", "-")


def title(reason: str) -> str:
    """`WATCHLIST_FULL` is `Watchlist full`."""
    return reason.replace("_", " ").capitalize()


def body(status: int, reason: str, detail: str, instance: str, facts: Mapping[str, Any]) -> bytes:
    """A problem document as JSON."""
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + slug(reason),
        "title": title(reason),
        "status": status,
        "detail": detail,
        "instance": instance,
        "request_id": request_id.get(),
    }
    document.update({name: fact for name, fact in facts.items() if name not in _OWN_MEMBERS})
    return orjson.dumps(document)


def problem(
    request: Request,
    status: int,
    reason: str,
    detail: str,
    *,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response to `request`."""
    found = dict(facts or {})
    extra = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        extra.setdefault("WWW-Authenticate", 'Bearer realm="marquee"')
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        extra.setdefault("Retry-After", str(found.get("retry_after_seconds", 1)))
    extra["Cache-Control"] = "no-store"
    document = body(status, reason, detail, request.url.path, found)
    return Response(document, status_code=status, media_type=MEDIA_TYPE, headers=extra)


def install(app: FastAPI) -> None:
    """Answer every kind of failure of `app` with a problem document."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - narrows what Starlette types as Exception
    status = _STATUS_OF.get(error.code, 500)
    if error.reason == "REQUEST_ID_REUSED":
        return problem(request, 422, *KEY_REUSED)
    if isinstance(error, Failed):
        log.error("a service failed", detail=error.detail)
        return problem(request, 500, "INTERNAL", "Something went wrong on our side.")
    return problem(request, status, _public_reason(error), error.detail, facts=_public_facts(error))


def _public_reason(error: Refusal) -> str:
    if isinstance(error, Unauthenticated):
        return "UNAUTHENTICATED"
    return error.reason


def _public_facts(error: Refusal) -> dict[str, Any]:
    facts = dict(error.facts)
    if isinstance(error, Invalid):
        for place in error.errors:
            # What services take as JSON in a text is a part of the body here.
            pointer = place["pointer"].removesuffix("_json")
            place["pointer"] = _NAMED.get(pointer, pointer)
    if isinstance(error, Exhausted | Unavailable):
        facts.setdefault("retry_after_seconds", 1)
    return facts


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows, as above
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem(request, 400, "MALFORMED_JSON", "The body is not valid JSON.")
    errors = [
        {"pointer": _pointer(one["loc"]), "in": str(one["loc"][0]), "detail": _detail(one["msg"])}
        for one in found
    ]
    return problem(request, 422, "INVALID", "The request is not valid.", facts={"errors": errors})


def _detail(said: str) -> str:
    return said.removeprefix("Value error, ")


def _pointer(location: Sequence[Any]) -> str:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in location[1:]]
    return "".join("/" + part for part in parts)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows, as above
    if isinstance(error, ProblemError):
        return problem(
            request,
            error.status_code,
            error.reason,
            error.detail,
            facts=error.facts,
            headers=error.headers,
        )
    phrase = HTTPStatus(error.status_code).phrase
    reason = phrase.upper().replace(" ", "_").replace("-", "_").replace("'", "")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_verbs_of(request)))
    details = {404: "There is nothing at this address.", 405: "This address has no such verb."}
    return problem(
        request,
        error.status_code,
        reason,
        details.get(error.status_code, str(error.detail)),
        headers=headers,
    )


def _verbs_of(request: Request) -> set[str]:
    """All verbs of this address; the router names those of the first route it found."""
    verbs: set[str] = set()
    for route in request.app.routes:
        found, _scope = route.matches(request.scope)
        if found is not Match.NONE:
            verbs |= getattr(route, "methods", None) or set()
    return verbs | {"HEAD"} if "GET" in verbs else verbs
