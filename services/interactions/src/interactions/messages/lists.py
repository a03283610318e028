"""Lists to protobuf and back."""

from uuid import UUID

from interactions.domain.lists import ListEntry, ListNotFound, MovieList
from interactions.messages.values import timestamp
from marquee.interactions.v1 import interactions_pb2 as pb


def list_id_from(text: str) -> UUID:
    """A list's id from the wire; what is none names no list."""
    try:
        return UUID(text)
    except ValueError as error:
        raise ListNotFound("there is no such list") from error


def list_message(found: MovieList) -> pb.List:
    """A list without its movies."""
    return pb.List(
        list_id=str(found.list_id),
        user_id=str(found.user_id),
        name=found.name,
        description=found.description,
        visibility=found.visibility,
        movies_count=found.movies_count,
        created_at=timestamp(found.created_at),
        updated_at=timestamp(found.updated_at),
        etag=found.etag,
    )


def entry_message(entry: ListEntry) -> pb.ListEntry:
    """A movie at its place."""
    return pb.ListEntry(
        movie_id=entry.movie_id,
        position=entry.position,
        added_at=timestamp(entry.added_at),
        etag=entry.etag,
    )
