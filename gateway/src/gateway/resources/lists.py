"""Own lists as JSON."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.resources.movies import MovieShape
from gateway.resources.shapes import NAME_WORDS, TEXT, Change, Input, Shape, when
from marquee.interactions.v1 import interactions_pb2 as pb

Visibility = Literal["public", "friends", "private"]
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="Name, without invisible characters but joiners that a script or an emoji "
        "needs.",
        examples=["Rainy Sundays"],
        json_schema_extra={"pattern": NAME_WORDS},
    ),
]
Description = Annotated[
    str,
    Field(max_length=1_000, description="What it is for.", json_schema_extra={"pattern": TEXT}),
]


class ListInput(Input):
    """Body of `POST /me/lists`."""

    name: Name
    description: Description | None = None
    visibility: Visibility = Field("private", description="Who sees it.")


class ListChange(Change):
    """Body of `PATCH /lists/{list_id}`; what is left out stays."""

    name: Name = ""
    description: Description | None = None
    visibility: Visibility = Field("private", description="Who sees it.")


class ListEntryInput(Input):
    """Optional body of `PUT /lists/{list_id}/movies/{movie_id}`."""

    position: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="0 is the first; left out, a new movie goes to the end."
    )


class ListShape(Shape):
    """A list without its movies."""

    list_id: str = Field(description="UUID.")
    name: str = Field(description="Name.")
    description: str | None = Field(description="Null without one.")
    visibility: str = Field(description="public, friends or private.")
    movies_count: int = Field(description="How many movies.")
    created_at: str = Field(description="When it was made.")
    updated_at: str = Field(description="When it last changed.")


class ListEntryShape(Shape):
    """A movie on a list."""

    movie_id: int = Field(description="TMDb id.")
    position: int = Field(description="0 is the first.")
    added_at: str = Field(description="When.")
    movie: MovieShape = Field(description="The movie.")


class ListPage(Shape):
    """A page of lists."""

    items: list[ListShape] = Field(description="Newest first.")
    next_page_token: str | None = Field(description="Null at the end.")


class ListDetailShape(ListShape):
    """A list with a page of its movies."""

    items: list[ListEntryShape] = Field(description="In the list's order.")
    next_page_token: str | None = Field(description="Null at the end.")


def list_json(found: pb.List) -> dict[str, Any]:
    """A list without its movies."""
    return {
        "list_id": found.list_id,
        "name": found.name,
        "description": found.description or None,
        "visibility": found.visibility,
        "movies_count": found.movies_count,
        "created_at": when(found.created_at),
        "updated_at": when(found.updated_at),
    }


def entry_json(entry: pb.ListEntry, movie: Any) -> dict[str, Any]:
    """A movie on a list."""
    return {
        "movie_id": entry.movie_id,
        "position": entry.position,
        "added_at": when(entry.added_at),
        "movie": movie,
    }
