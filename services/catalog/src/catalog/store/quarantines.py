"""Records that the sync could not load."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, RowMapping

from catalog.tables.sync import quarantine
from chassis.database import uuid7

_BODY_LIMIT = 65536
_MOVIE = "movie"
"""The one kind of records so far."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A movie that cannot be loaded, and why."""

    movie_id: int
    error: str
    body: bytes


def put_away(
    connection: Connection, source: str, version: int, records: Sequence[Quarantined]
) -> None:
    """Records that cannot be loaded, with their bodies, to be looked at and retried."""
    for record in sorted(records, key=lambda one: one.movie_id):
        values: dict[str, Any] = {
            "error": record.error[:2000],
            "body": record.body[:_BODY_LIMIT],
            "parser_version": version,
            "state": "open",
            "quarantined_at": sa.func.now(),
            "updated_at": sa.func.now(),
        }
        connection.execute(
            insert(quarantine)
            .values(
                quarantine_entry_id=uuid7(),
                kind=_MOVIE,
                source=source,
                source_id=record.movie_id,
                **values,
            )
            .on_conflict_do_update(
                index_elements=["kind", "source", "source_id"],
                set_={**values, "attempts": quarantine.c.attempts + 1},
            )
        )


def resolve(connection: Connection, source: str, movie_ids: Sequence[int]) -> None:
    """Movies that were loaded after all, or are gone."""
    connection.execute(
        sa.update(quarantine)
        .where(
            quarantine.c.kind == _MOVIE,
            quarantine.c.source == source,
            quarantine.c.state != "resolved",
            quarantine.c.source_id.in_(movie_ids),
        )
        .values(state="resolved", updated_at=sa.func.now())
    )


def refused_of(connection: Connection, source: str, movie_ids: Sequence[int]) -> set[int]:
    """Those of these movies that were put away before, and nothing came of since."""
    query = sa.select(quarantine.c.source_id).where(
        quarantine.c.kind == _MOVIE,
        quarantine.c.source == source,
        quarantine.c.state != "resolved",
        quarantine.c.source_id.in_(movie_ids),
    )
    return set(connection.execute(query).scalars())


def forget_bodies(connection: Connection, source: str, before: datetime) -> None:
    """Drop what TMDb said of records put away before a moment, loaded since or not."""
    connection.execute(
        sa.update(quarantine)
        .where(
            quarantine.c.source == source,
            quarantine.c.quarantined_at < before,
            quarantine.c.body != b"",
        )
        .values(body=b"", updated_at=sa.func.now())
    )


def newest(
    connection: Connection,
    limit: int,
    state: str = "",
    before: tuple[datetime, UUID] | None = None,
) -> Sequence[RowMapping]:
    """Entries, newest first."""
    place = sa.tuple_(quarantine.c.quarantined_at, quarantine.c.quarantine_entry_id)
    query = sa.select(quarantine).order_by(
        quarantine.c.quarantined_at.desc(), quarantine.c.quarantine_entry_id.desc()
    )
    if state:
        query = query.where(quarantine.c.state == state)
    if before is not None:
        moment, entry_id = before
        query = query.where(place < sa.tuple_(sa.literal(moment), sa.literal(entry_id, sa.Uuid)))
    return connection.execute(query.limit(limit)).mappings().all()


def entry(connection: Connection, entry_id: UUID) -> RowMapping | None:
    """One entry, held until the transaction ends."""
    return (
        connection.execute(
            sa.select(quarantine)
            .where(quarantine.c.quarantine_entry_id == entry_id)
            .with_for_update()
        )
        .mappings()
        .one_or_none()
    )


def set_retrying(connection: Connection, entry_id: UUID) -> RowMapping:
    """The entry is in the queue again."""
    return (
        connection.execute(
            sa.update(quarantine)
            .where(quarantine.c.quarantine_entry_id == entry_id)
            .values(state="retrying", updated_at=sa.func.now())
            .returning(quarantine)
        )
        .mappings()
        .one()
    )


def counts(connection: Connection, source: str) -> dict[str, int]:
    """How many entries are in which state."""
    rows = connection.execute(
        sa.select(quarantine.c.state, sa.func.count())
        .where(quarantine.c.source == source)
        .group_by(quarantine.c.state)
    )
    return {row[0]: row[1] for row in rows}
