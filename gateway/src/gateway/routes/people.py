"""People of the movie world, and collections."""

import asyncio
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import Field

from gateway import context
from gateway.entities import PRIVATE, PUBLIC, tagged
from gateway.resources import movies as shapes
from gateway.resources.shapes import LargestInt, Page, page
from gateway.routes.frame import Visitor, public, refusals
from marquee.catalog.v1 import catalog_pb2 as pb

router = public("people")
PersonId = Annotated[int, Field(ge=1, le=LargestInt, description="TMDb id of a person.")]
CollectionId = Annotated[int, Field(ge=1, le=LargestInt, description="TMDb id of a collection.")]


class PersonQuery(Page):
    """Query parameters of `GET /people/{person_id}`."""

    include_adult: bool = Field(default=False, description="Also credits in adult movies.")


class CollectionQuery(Page):
    """Query parameters of `GET /collections/{collection_id}`."""

    page_size: Annotated[
        int, Field(ge=1, le=LargestInt, description="At most 100; more is lowered.")
    ] = 100
    include_adult: bool = Field(default=False, description="Also adult movies.")


@router.get(
    "/people/search",
    response_model=shapes.PersonPage,
    summary="Search people by name",
    responses=refusals(),
)
async def search_people(
    request: Request, caller: Visitor, query: Annotated[shapes.SearchQuery, Query()]
) -> Response:
    """People whose name is like `q`; typos are forgiven."""
    here = context.of(request)
    asked = pb.SearchPeopleRequest(query=query.q, page_size=query.size, page_token=query.page_token)
    images, reply = await asyncio.gather(
        here.configuration.images(), here.services.catalog.SearchPeople(asked)
    )
    items = [shapes.person_json(person, images) for person in reply.people]
    return tagged(request, page(items, reply.next_page_token), cache=PRIVATE if caller else PUBLIC)


@router.get(
    "/people/{person_id}",
    response_model=shapes.PersonDetailShape,
    summary="Get a person",
    responses=refusals(404),
)
async def get_person(
    request: Request,
    caller: Visitor,
    person_id: Annotated[PersonId, Path()],
    query: Annotated[PersonQuery, Query()],
) -> Response:
    """A person with a page of their movies, most popular first."""
    here = context.of(request)
    language = await here.language(request, caller)
    asked = pb.GetPersonRequest(
        person_id=person_id,
        language=language,
        page_size=query.size,
        page_token=query.page_token,
        include_adult=query.include_adult,
    )
    images, reply = await asyncio.gather(
        here.configuration.images(), here.services.catalog.GetPerson(asked)
    )
    found: dict[str, Any] = shapes.person_json(reply.person, images)
    found["credits"] = [shapes.person_credit_json(one, images) for one in reply.credits]
    found["next_page_token"] = reply.next_page_token or None
    return tagged(request, found, cache=PRIVATE if caller else PUBLIC)


@router.get(
    "/collections/{collection_id}",
    response_model=shapes.CollectionShape,
    summary="Get a collection",
    responses=refusals(404),
    tags=["collections"],
)
async def get_collection(
    request: Request,
    caller: Visitor,
    collection_id: Annotated[CollectionId, Path()],
    query: Annotated[CollectionQuery, Query()],
) -> Response:
    """A collection with a page of its movies by release date; most have a single one."""
    here = context.of(request)
    language = await here.language(request, caller)
    asked = pb.GetCollectionRequest(
        collection_id=collection_id,
        language=language,
        page_size=query.size,
        page_token=query.page_token,
        include_adult=query.include_adult,
    )
    images, reply = await asyncio.gather(
        here.configuration.images(), here.services.catalog.GetCollection(asked)
    )
    found = shapes.collection_json(reply.collection, images)
    return tagged(request, found, cache=PRIVATE if caller else PUBLIC)
