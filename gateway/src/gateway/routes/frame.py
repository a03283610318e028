"""What all routes share: routers, who may call, and the refusals they document."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Security

from gateway import auth
from gateway.reading import StrictRoute
from gateway.resources.shapes import Problem

SignedIn = Annotated[auth.Person, Depends(auth.person)]
Visitor = Annotated[auth.Person | None, Depends(auth.visitor)]
Admin = Annotated[auth.Person, Depends(auth.admin)]

_MEANINGS = {
    400: "Not valid JSON, or a grant that is not good.",
    401: "No access token, or one that is not good any more.",
    403: "The caller may not.",
    404: "There is no such thing, or none the caller may know of.",
    409: "The state of things forbids it.",
    412: "It has changed since the version named by `If-Match`.",
    413: "The body is too large.",
    422: "The request is not valid; `errors` says where.",
    429: "Too many; `Retry-After` says when again.",
    503: "Something needed is away; `Retry-After` says when again.",
    504: "Something needed took too long.",
}


def refusals(*statuses: int, **shapes: Any) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for refusals, with those every route may give."""
    documented: dict[int | str, dict[str, Any]] = {
        status: {
            "model": Problem,
            "description": _MEANINGS[status],
            "content": {"application/problem+json": {}},
        }
        for status in sorted({*statuses, 422, 503, 504})
    }
    for name, extra in shapes.items():
        documented[int(name.removeprefix("s"))] = extra
    return documented


def public(tag: str, prefix: str = "") -> APIRouter:
    """A router that strangers may use."""
    return APIRouter(prefix=f"/api/v1{prefix}", tags=[tag], route_class=StrictRoute)


def personal(tag: str, prefix: str = "") -> APIRouter:
    """A router for signed-in callers."""
    return APIRouter(
        prefix=f"/api/v1{prefix}",
        tags=[tag],
        route_class=StrictRoute,
        dependencies=[Security(auth.bearer)],
        responses=refusals(401),
    )
