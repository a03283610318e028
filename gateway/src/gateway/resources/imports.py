"""Imports as JSON."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from gateway.resources.shapes import Query, Shape, when
from marquee.interactions.v1 import interactions_pb2 as pb

Source = Literal["letterboxd", "imdb", "trakt", "movielens"]
SOURCES: tuple[str, ...] = get_args(Source)


class UploadQuery(Query):
    """Query parameters of `POST /me/imports`; a form says the same in its fields."""

    source: Source | None = Field(None, description="Whose export it is.")
    filename: Annotated[str, Field(max_length=255, description="Name of the file.")] = ""


class ImportShape(Shape):
    """How far an import is."""

    import_id: str = Field(description="UUID.")
    source: str = Field(description="letterboxd, imdb, trakt or movielens.")
    filename: str = Field(description="Name of the uploaded file.")
    state: str = Field(description="uploading, queued, running, done or failed.")
    total_rows_count: int = Field(description="Rows in it; 0 until reading begins.")
    rows_count: int = Field(description="Rows read so far.")
    imported_count: int = Field(description="Rows that changed something.")
    unchanged_count: int = Field(description="Rows that said what was known already.")
    skipped_count: int = Field(description="Rows that could not be used.")
    error: str | None = Field(description="Why it failed.")
    created_at: str = Field(description="When it was uploaded.")
    finished_at: str | None = Field(description="When it ended.")


class RowErrorShape(Shape):
    """A row that could not be used."""

    file: str = Field(description="Which file of the export.")
    row: int = Field(description="1 is the first after the header.")
    title: str | None = Field(description="What it named.")
    reason: str = Field(description="Why.")


class ImportDetailShape(ImportShape):
    """How far an import is, with a page of the rows that could not be used."""

    items: list[RowErrorShape] = Field(description="Rows that could not be used, in order.")
    next_page_token: str | None = Field(description="Null at the end.")


def import_json(found: pb.Import) -> dict[str, Any]:
    """How far an import is."""
    return {
        "import_id": found.import_id,
        "source": found.source,
        "filename": found.filename,
        "state": found.state,
        "total_rows_count": found.total_rows_count,
        "rows_count": found.rows_count,
        "imported_count": found.imported_count,
        "unchanged_count": found.unchanged_count,
        "skipped_count": found.skipped_count,
        "error": found.error or None,
        "created_at": when(found.created_at),
        "finished_at": when(found.finished_at),
    }


def row_error_json(error: pb.ImportRowError) -> dict[str, Any]:
    """A row that could not be used."""
    return {
        "file": error.file,
        "row": error.row,
        "title": error.title or None,
        "reason": error.reason,
    }
