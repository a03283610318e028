"""Imports as protobuf."""

from typing import Any
from uuid import UUID

from chassis.errors import Invalid
from interactions.domain.imports import Import
from interactions.messages.values import timestamp
from marquee.interactions.v1 import interactions_pb2 as pb


def import_id_from(text: str) -> UUID:
    """An import's id from the wire."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("is not an import's id", field="import_id") from error


def import_message(found: Import) -> pb.Import:
    """How far an import is."""
    return pb.Import(
        import_id=str(found.import_id),
        source=found.source,
        filename=found.filename,
        state=found.state,
        total_rows_count=found.total_rows_count,
        rows_count=found.rows_count,
        imported_count=found.imported_count,
        unchanged_count=found.unchanged_count,
        skipped_count=found.skipped_count,
        error=found.error,
        sequence=found.sequence,
        created_at=timestamp(found.created_at),
        finished_at=timestamp(found.finished_at) if found.finished_at else None,
    )


def row_error_message(row: Any) -> pb.ImportRowError:
    """A row that could not be used."""
    return pb.ImportRowError(file=row.file, row=row.row, title=row.title, reason=row.reason)
