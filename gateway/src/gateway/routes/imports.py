"""Imports of what people did elsewhere."""

from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Path, Query, Request, Response

from chassis.database import uuid7
from chassis.errors import Conflict
from gateway import context
from gateway.auth import Person
from gateway.entities import tagged
from gateway.problems import invalid
from gateway.resources import imports as shapes
from gateway.resources.shapes import Page, answer, page
from gateway.routes.frame import IdempotencyKey, SignedIn, personal, refusals
from gateway.uploads import Upload
from marquee.interactions.v1 import interactions_pb2 as pb

PATH = "/api/v1/me/imports"
router = personal("imports", "/me/imports")
_TIMEOUT_SECONDS = 15.0
_FILE = {"type": "string", "format": "binary", "minLength": 1}
_BINARY = {"schema": _FILE}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "source": {"type": "string", "enum": list(shapes.SOURCES)},
                        "file": _FILE,
                    },
                },
                "encoding": {"file": {"contentType": "application/octet-stream"}},
            },
            "application/zip": _BINARY,
            "text/csv": _BINARY,
            # Trakt's; any JSON is taken, and read in the background.
            "application/json": {"schema": {}},
            "application/octet-stream": _BINARY,
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=shapes.ImportShape,
    summary="Import an export of another site",
    responses=refusals(400, 401, 409, 413),
    openapi_extra=_BODY,
)
async def create_import(
    request: Request,
    caller: SignedIn,
    query: Annotated[shapes.UploadQuery, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """A Letterboxd, IMDb, Trakt or MovieLens file of at most 20 MiB: as a form with `source` and
    `file`, or as the body itself with `?source=&filename=`. It is read in the background; a row
    that cannot be used is reported and costs no other, nor does a quote that is not closed."""
    upload = Upload(request, query.filename)
    opened: pb.Import | None = None
    number = 0
    async for piece in upload.pieces():
        if opened is None:
            opened = await _opened(request, caller, upload, idempotency_key)
        if opened.state == "uploading":
            opened = await _appended(request, caller, opened, number, piece)
        number += 1
    assert opened is not None  # noqa: S101 - an upload without pieces has been refused
    reply = await context.of(request).services.interactions.StartImport(
        pb.StartImportRequest(
            import_id=opened.import_id,
            source=_source(query.source, upload),
            content_sha256=upload.sha256,
        ),
        metadata=caller.metadata,
        timeout=_TIMEOUT_SECONDS,
    )
    started = _import_of(reply)
    headers = {"Location": f"{PATH}/{started.import_id}"}
    return answer(shapes.import_json(started), status=202, headers=headers)


@router.get(
    "/{import_id}",
    response_model=shapes.ImportDetailShape,
    summary="Get an import",
    responses=refusals(401, 404),
)
async def get_import(
    request: Request,
    caller: SignedIn,
    import_id: Annotated[UUID, Path(description="Which.")],
    query: Annotated[Page, Query()],
) -> Response:
    """How far it is, and the rows that could not be used, with the reason."""
    here = context.of(request)
    reply = await here.services.interactions.GetImport(
        pb.GetImportRequest(
            import_id=str(import_id), page_size=query.size, page_token=query.page_token
        ),
        metadata=caller.metadata,
    )
    found = _import_of(reply)
    if found.sequence:
        await here.sequences.saw(caller.user_id, found.sequence)
    items = [shapes.row_error_json(error) for error in reply.errors]
    return tagged(request, {**shapes.import_json(found), **page(items, reply.next_page_token)})


async def _opened(
    request: Request, caller: Person, upload: Upload, idempotency_key: str | None
) -> pb.Import:
    """A new import; with a key, the one that was opened with it before."""
    request_id = str(uuid7())
    if idempotency_key:
        request_id = str(uuid5(NAMESPACE_URL, f"{caller.user_id}:{PATH}:{idempotency_key}"))
    reply = await context.of(request).services.interactions.CreateImport(
        pb.CreateImportRequest(filename=upload.filename, request_id=request_id),
        metadata=caller.metadata,
    )
    return _import_of(reply)


async def _appended(
    request: Request, caller: Person, opened: pb.Import, number: int, piece: bytes
) -> pb.Import:
    """The import after one more piece; one that a twin of this upload has started stays so."""
    asked = pb.AppendImportRequest(import_id=opened.import_id, chunk_number=number, data=piece)
    try:
        await context.of(request).services.interactions.AppendImport(
            asked, metadata=caller.metadata, timeout=_TIMEOUT_SECONDS
        )
    except Conflict as refusal:
        if refusal.reason != "IMPORT_STARTED":
            raise
        return pb.Import(import_id=opened.import_id, state="queued")
    return opened


def _source(named: str | None, upload: Upload) -> str:
    source = upload.fields.get("source") or named
    if source not in shapes.SOURCES:
        raise invalid("/source", f"must be one of {', '.join(shapes.SOURCES)}")
    return source


def _import_of(reply: Any) -> pb.Import:
    """`import` is a word of Python's, so the field cannot be named."""
    return getattr(reply, "import")
