"""Lists of movies that people make: the caller's own, and others' as far as they show them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Path, Query, Request, Response
from google.protobuf.field_mask_pb2 import FieldMask

from gateway import context, idempotency
from gateway.entities import expected, tagged
from gateway.resources import lists as shapes
from gateway.resources.shapes import MovieId, Page, page
from gateway.routes.frame import (
    IdempotencyKey,
    IfMatch,
    Preconditions,
    SignedIn,
    Visitor,
    personal,
    public,
    refusals,
    shown_movies,
)
from marquee.interactions.v1 import interactions_pb2 as pb

own = personal("lists", "/me/lists")
anybodys = public("lists", "/lists")
changed = personal("lists", "/lists")
ListId = Annotated[UUID, Path(description="Which list.")]
Id = Annotated[MovieId, Path()]
_CREATED = {"model": shapes.ListEntryShape, "description": "On the list from now on."}


@own.get("", response_model=shapes.ListPage, summary="List your lists", responses=refusals(401))
async def list_lists(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    reply = await context.of(request).services.interactions.ListLists(
        pb.ListListsRequest(page_size=query.size, page_token=query.page_token),
        metadata=caller.metadata,
    )
    items = [shapes.list_json(one) for one in reply.lists]
    return tagged(request, page(items, reply.next_page_token))


@own.post(
    "",
    status_code=201,
    response_model=shapes.ListShape,
    summary="Make a list",
    responses=refusals(401, 409),
)
async def create_list(
    request: Request,
    caller: SignedIn,
    body: Annotated[shapes.ListInput, Body()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """An empty list; at most 200 a person."""
    here = context.of(request)

    async def create(request_id: str) -> tuple[int, Any]:
        reply = await here.services.interactions.CreateList(
            pb.CreateListRequest(**body.model_dump(), request_id=request_id),
            metadata=caller.metadata,
        )
        return 201, shapes.list_json(reply.list)

    return await idempotency.once(request, caller, idempotency_key, create)


@anybodys.get(
    "/{list_id}",
    response_model=shapes.ListDetailShape,
    summary="Get a list",
    responses=refusals(404),
)
async def get_list(
    request: Request, caller: Visitor, list_id: ListId, query: Annotated[Page, Query()]
) -> Response:
    """A public list, your own, or a friend's; any other is 404."""
    reply = await context.of(request).services.interactions.GetList(
        pb.GetListRequest(list_id=str(list_id), page_size=query.size, page_token=query.page_token),
        metadata=caller.metadata if caller else None,
    )
    movie_ids = [entry.movie_id for entry in reply.entries]
    movies = await shown_movies(request, caller, movie_ids, reply.titles)
    items = [shapes.entry_json(entry, movies[entry.movie_id]) for entry in reply.entries]
    found = {**shapes.list_json(reply.list), **page(items, reply.next_page_token)}
    return tagged(request, found, etag=reply.list.etag)


@changed.patch(
    "/{list_id}",
    response_model=shapes.ListShape,
    summary="Change a list",
    responses=refusals(401, 404, 412),
)
async def update_list(
    request: Request,
    caller: SignedIn,
    list_id: ListId,
    body: Annotated[shapes.ListChange, Body()],
    if_match: IfMatch = None,
) -> Response:
    """What is left out stays."""
    given = body.given()
    reply = await context.of(request).services.interactions.UpdateList(
        pb.UpdateListRequest(
            list=pb.List(list_id=str(list_id), **given),
            update_mask=FieldMask(paths=sorted(given)),
            etag=expected(if_match),
        ),
        metadata=caller.metadata,
    )
    return tagged(request, shapes.list_json(reply.list), etag=reply.list.etag)


@changed.delete(
    "/{list_id}", status_code=204, summary="Delete a list", responses=refusals(401, 404, 412)
)
async def delete_list(
    request: Request, caller: SignedIn, list_id: ListId, if_match: IfMatch = None
) -> Response:
    """With all that is on it."""
    await context.of(request).services.interactions.DeleteList(
        pb.DeleteListRequest(list_id=str(list_id), etag=expected(if_match)),
        metadata=caller.metadata,
    )
    return Response(status_code=204)


@changed.put(
    "/{list_id}/movies/{movie_id}",
    response_model=shapes.ListEntryShape,
    summary="Put a movie on a list",
    responses=refusals(401, 404, 409, 412, s201=_CREATED),
)
async def add_list_movie(
    request: Request,
    caller: SignedIn,
    list_id: ListId,
    movie_id: Id,
    conditions: Preconditions,
    body: Annotated[shapes.ListEntryInput | None, Body()] = None,
) -> Response:
    """201 the first time, 200 after; with a position it moves there. At most 1,000 movies."""
    wanted = pb.AddListMovieRequest(list_id=str(list_id), movie_id=movie_id, **conditions)
    if body is not None and body.position is not None:
        wanted.position = body.position
    reply = await context.of(request).services.interactions.AddListMovie(
        wanted, metadata=caller.metadata
    )
    movies = await shown_movies(request, caller, [movie_id], {})
    found = shapes.entry_json(reply.entry, movies[movie_id])
    status = 201 if reply.created else 200
    return tagged(request, found, etag=reply.entry.etag, status=status)


@changed.delete(
    "/{list_id}/movies/{movie_id}",
    status_code=204,
    summary="Take a movie off a list",
    responses=refusals(401, 404, 412),
)
async def remove_list_movie(
    request: Request,
    caller: SignedIn,
    list_id: ListId,
    movie_id: Id,
    conditions: Preconditions,
) -> Response:
    """204 also when it was not on it."""
    await context.of(request).services.interactions.RemoveListMovie(
        pb.RemoveListMovieRequest(list_id=str(list_id), movie_id=movie_id, **conditions),
        metadata=caller.metadata,
    )
    return Response(status_code=204)
