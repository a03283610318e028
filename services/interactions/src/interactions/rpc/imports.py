"""Imports, uploaded in chunks and reported row by row."""

import grpc

from chassis.idempotency import forget, once
from chassis.paging import page_size
from chassis.text import clean_text
from interactions.domain.imports import (
    FILENAME_LENGTH,
    checked_chunk,
    checked_digest,
    checked_source,
)
from interactions.messages.imports import import_id_from, import_message, row_error_message
from interactions.operations import imports as operations
from interactions.rpc.parts import Rpcs, user_id_of_caller
from interactions.store import imports
from marquee.interactions.v1 import interactions_pb2 as pb

_REQUEST_ID_LENGTH = 200
_BEFORE_ALL = -1
_CREATE = "CreateImport"


class ImportRpcs(Rpcs):
    """Imports of other sites' exports."""

    def CreateImport(
        self, request: pb.CreateImportRequest, context: grpc.ServicerContext
    ) -> pb.CreateImportResponse:
        user_id = user_id_of_caller()
        source = checked_source(request.source, required=False)
        filename = clean_text(request.filename, field="filename", max_length=FILENAME_LENGTH)
        request_id = clean_text(
            request.request_id, field="request_id", max_length=_REQUEST_ID_LENGTH
        )
        with self._database.begin() as connection:

            def create() -> bytes:
                opened = operations.open_import(
                    connection, user_id, source=source, filename=filename, at=self._now()
                )
                return str(opened.import_id).encode()

            def opened_once() -> imports.Import | None:
                """Not as it was then: who repeats the upload must know how far the first came."""
                document = f"{source}\n{filename}".encode()
                answer = once(
                    connection,
                    user_id=user_id,
                    operation=_CREATE,
                    request_id=request_id,
                    request=document,
                    act=create,
                )
                return imports.find(connection, import_id_from(answer.decode()))

            found = opened_once()
            if found is None:  # it broke off, and nobody went on with it for too long
                forget(connection, user_id=user_id, operation=_CREATE, request_id=request_id)
                found = opened_once()
        return pb.CreateImportResponse(**{"import": import_message(_own(found))})

    def AppendImport(
        self, request: pb.AppendImportRequest, context: grpc.ServicerContext
    ) -> pb.AppendImportResponse:
        checked_chunk(request.chunk_number, request.data)
        with self._database.begin() as connection:
            received = operations.append(
                connection,
                user_id_of_caller(),
                import_id_from(request.import_id),
                request.chunk_number,
                request.data,
            )
        return pb.AppendImportResponse(received_bytes=received)

    def StartImport(
        self, request: pb.StartImportRequest, context: grpc.ServicerContext
    ) -> pb.StartImportResponse:
        with self._database.begin() as connection:
            started = operations.start(
                connection,
                user_id_of_caller(),
                import_id_from(request.import_id),
                source=checked_source(request.source, required=False),
                digest=checked_digest(request.content_sha256),
            )
        return pb.StartImportResponse(**{"import": import_message(started)})

    def GetImport(
        self, request: pb.GetImportRequest, context: grpc.ServicerContext
    ) -> pb.GetImportResponse:
        import_id, size = import_id_from(request.import_id), page_size(request.page_size)
        scope, after = f"import:{import_id}", _BEFORE_ALL
        if request.page_token:
            (after,) = self._page_tokens.decode(scope, request.page_token)
        with self._database.read() as connection:
            found = _own(imports.find(connection, import_id))
            rows = imports.row_errors(connection, import_id, after=after, limit=size + 1)
        token = ""
        if len(rows) > size:
            token = self._page_tokens.encode(scope, [rows[size - 1].place])
        return pb.GetImportResponse(
            **{"import": import_message(found)},
            errors=[row_error_message(row) for row in rows[:size]],
            next_page_token=token,
        )


def _own(found: imports.Import | None) -> imports.Import:
    return operations.owned(found, user_id_of_caller())
