"""Own lists, changed by their owners and read by whom they let."""

from datetime import datetime
from uuid import UUID

import grpc

from chassis.errors import Invalid
from chassis.idempotency import once
from chassis.identity import current
from chassis.paging import page_size
from chassis.text import clean_name, clean_text
from interactions.domain.entries import checked_movie_id
from interactions.domain.lists import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    checked_paths,
    checked_visibility,
    visible,
)
from interactions.messages.lists import entry_message, list_id_from, list_message
from interactions.messages.values import conditions_of
from interactions.operations import lists as operations
from interactions.rpc.parts import Rpcs, user_id_of_caller
from interactions.store import lists
from marquee.interactions.v1 import interactions_pb2 as pb


class ListRpcs(Rpcs):
    """Lists of movies in an order of their own."""

    def CreateList(
        self, request: pb.CreateListRequest, context: grpc.ServicerContext
    ) -> pb.CreateListResponse:
        user_id = user_id_of_caller()
        wanted = {
            "name": _name(request.name),
            "description": _description(request.description),
            "visibility": checked_visibility(request.visibility),
        }
        unnamed = pb.CreateListRequest(**wanted)
        with self._database.begin() as connection:

            def create() -> bytes:
                made = operations.create_list(connection, user_id, **wanted, at=self._now())
                return pb.CreateListResponse(list=list_message(made)).SerializeToString()

            answer = once(
                connection,
                user_id=user_id,
                operation="CreateList",
                request_id=clean_text(request.request_id, field="request_id", max_length=200),
                request=unnamed.SerializeToString(deterministic=True),
                act=create,
            )
        return pb.CreateListResponse.FromString(answer)

    def GetList(
        self, request: pb.GetListRequest, context: grpc.ServicerContext
    ) -> pb.GetListResponse:
        list_id, size = list_id_from(request.list_id), page_size(request.page_size)
        scope, after_rank = f"list:{list_id}", lists.BEFORE_FIRST_RANK
        if request.page_token:
            (after_rank,) = self._page_tokens.decode(scope, request.page_token)
        viewer = current().user_id
        with self._database.read() as connection:
            found = lists.find_list(connection, list_id, viewer)
            entries = lists.entries_of(connection, list_id, after_rank=after_rank, limit=size + 1)
        found = visible(found, viewer, self._neighbours.are_friends)
        shown, token = entries[:size], ""
        if len(entries) > size:
            token = self._page_tokens.encode(scope, [shown[-1].rank])
        return pb.GetListResponse(
            list=list_message(found),
            entries=[entry_message(entry) for entry in shown],
            next_page_token=token,
            titles={entry.movie_id: entry.title for entry in shown},
        )

    def ListLists(
        self, request: pb.ListListsRequest, context: grpc.ServicerContext
    ) -> pb.ListListsResponse:
        user_id, size = user_id_of_caller(), page_size(request.page_size)
        scope, after = f"lists:{user_id}", lists.BEFORE_ALL
        if request.page_token:
            created_at, list_id = self._page_tokens.decode(scope, request.page_token)
            after = datetime.fromisoformat(created_at), UUID(list_id)
        with self._database.read() as connection:
            found = lists.lists_of(connection, user_id, after=after, limit=size + 1)
        shown, token = found[:size], ""
        if len(found) > size:
            last = [shown[-1].created_at.isoformat(), str(shown[-1].list_id)]
            token = self._page_tokens.encode(scope, last)
        return pb.ListListsResponse(
            lists=[list_message(one) for one in shown], next_page_token=token
        )

    def UpdateList(
        self, request: pb.UpdateListRequest, context: grpc.ServicerContext
    ) -> pb.UpdateListResponse:
        checks = {
            "name": _name,
            "description": _description,
            "visibility": checked_visibility,
        }
        paths = checked_paths(request.update_mask.paths)
        wanted = {path: checks[path](getattr(request.list, path)) for path in paths}
        with self._database.begin() as connection:
            changed = operations.update_list(
                connection,
                user_id_of_caller(),
                list_id_from(request.list.list_id),
                wanted,
                etag=request.etag,
                at=self._now(),
            )
        return pb.UpdateListResponse(list=list_message(changed))

    def DeleteList(
        self, request: pb.DeleteListRequest, context: grpc.ServicerContext
    ) -> pb.DeleteListResponse:
        list_id = list_id_from(request.list_id)
        with self._database.begin() as connection:
            gone = operations.delete_list(
                connection, user_id_of_caller(), list_id, etag=request.etag
            )
        return pb.DeleteListResponse(movies_count=gone.movies_count)

    def AddListMovie(
        self, request: pb.AddListMovieRequest, context: grpc.ServicerContext
    ) -> pb.AddListMovieResponse:
        position = request.position if request.HasField("position") else None
        if position is not None and position < 0:
            raise Invalid("must not be negative", field="position")
        with self._database.begin() as connection:
            put = operations.add_movie(
                connection,
                user_id_of_caller(),
                list_id_from(request.list_id),
                checked_movie_id(request.movie_id),
                position=position,
                conditions=conditions_of(request),
                find_movie=self._neighbours.find_movie,
                at=self._now(),
            )
        return pb.AddListMovieResponse(entry=entry_message(put.entry), created=put.created)

    def RemoveListMovie(
        self, request: pb.RemoveListMovieRequest, context: grpc.ServicerContext
    ) -> pb.RemoveListMovieResponse:
        list_id, movie_id = list_id_from(request.list_id), checked_movie_id(request.movie_id)
        with self._database.begin() as connection:
            removed = operations.remove_movie(
                connection,
                user_id_of_caller(),
                list_id,
                movie_id,
                conditions=conditions_of(request),
                at=self._now(),
            )
        return pb.RemoveListMovieResponse(removed=removed)


def _name(text: str) -> str:
    return clean_name(text, field="name", max_length=NAME_LENGTH, min_length=1)


def _description(text: str) -> str:
    return clean_text(text, field="description", max_length=DESCRIPTION_LENGTH, multiline=True)
