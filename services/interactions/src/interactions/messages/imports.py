"""Imports as protobuf."""

from typing import Any
from uuid import UUID

from chassis.errors import Invalid
from interactions.domain.imports import Import
from interactions.messages import timestamp
from marquee.interactions.v1 import events_pb2 as events
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


def import_finished(ended: Import) -> events.ImportFinished:
    """The fact that it has ended."""
    return events.ImportFinished(
        user_id=str(ended.user_id),
        import_id=str(ended.import_id),
        imported_count=ended.imported_count,
        unchanged_count=ended.unchanged_count,
        skipped_count=ended.skipped_count,
        sequence=ended.sequence,
        finished_at=timestamp(ended.finished_at or ended.created_at),
    )
