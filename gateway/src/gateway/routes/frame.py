"""What all routes share: routers, who may call, and the refusals they document."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Security
from fastapi.routing import APIRoute

from chassis.errors import Refusal
from gateway import auth, context
from gateway.entities import expected, unwanted
from gateway.reading import StrictRoute
from gateway.resources.shapes import Problem

SignedIn = Annotated[auth.Person, Depends(auth.person)]
Visitor = Annotated[auth.Person | None, Depends(auth.visitor)]
Admin = Annotated[auth.Person, Depends(auth.admin)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="Repeats count once.",
        json_schema_extra={"format": "idempotency-key"},
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=200,
        description="The ETag it must still have; `*`: it must be there.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=200,
        description="An ETag it must not have; `*`: it must not be there yet.",
    ),
]


async def preconditions(
    if_match: IfMatch = None, if_none_match: IfNoneMatch = None
) -> dict[str, Any]:
    """What a write expects of what stands there, as a service takes it."""
    return {"etag": expected(if_match), "unless_etag": unwanted(if_none_match)}


Preconditions = Annotated[dict[str, Any], Depends(preconditions)]

_MEANINGS = {
    400: "Not valid JSON, or a grant that is not good.",
    401: "No access token, or one that is not good any more.",
    403: "The caller may not.",
    404: "There is no such thing, or none the caller may know of.",
    409: "The state of things forbids it.",
    412: "It has changed since `If-Match` named it, or `If-None-Match` forbids it.",
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
        for status in sorted({*statuses, 422, 429, 503, 504})
    }
    for name, extra in shapes.items():
        documented[int(name.removeprefix("s"))] = extra
    return documented


def operation_id(route: APIRoute) -> str:
    """Of a route in the OpenAPI document: its function's name."""
    return route.name


def public(tag: str, prefix: str = "") -> APIRouter:
    """A router that strangers may use."""
    return APIRouter(
        prefix=f"/api/v1{prefix}",
        tags=[tag],
        route_class=StrictRoute,
        generate_unique_id_function=operation_id,
    )


def personal(tag: str, prefix: str = "") -> APIRouter:
    """A router for signed-in callers."""
    return APIRouter(
        prefix=f"/api/v1{prefix}",
        tags=[tag],
        route_class=StrictRoute,
        generate_unique_id_function=operation_id,
        dependencies=[Security(auth.bearer)],
        responses=refusals(401),
    )


async def shown_movies(
    request: Request,
    caller: auth.Person | None,
    movie_ids: Sequence[int],
    titles: Mapping[int, str],
) -> dict[int, Any]:
    """Cards of movies; a stub where the catalogue has lost one or does not answer."""
    here = context.of(request)
    try:
        language = await here.language(request, caller)
        cards: Mapping[int, Any] = await here.movies.cards(movie_ids, language)
    except Refusal:
        cards = {}
        removed = False
    else:
        removed = True
    return {
        movie_id: cards.get(movie_id)
        or {"movie_id": movie_id, "title": titles.get(movie_id, ""), "removed": removed}
        for movie_id in movie_ids
    }
