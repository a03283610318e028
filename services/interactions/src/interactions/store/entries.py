"""One person's mark on a movie: where it stands, writing it, listing it. Four tables, one shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, RowMapping

from chassis.outbox import Fact, outbox_values
from interactions import tables
from interactions.domain.entries import (
    Favorite,
    HiddenMovie,
    Interaction,
    InteractionT,
    Rating,
    Standing,
    WatchlistEntry,
)
from interactions.tables import known_movie, outbox, user_sequence

STREAM = "interactions.events"

Cursor = tuple[datetime, int]
"""Where a page ended: time and movie_id of its last row."""

BEFORE_ALL: Cursor = (datetime.max.replace(tzinfo=UTC), 2**63 - 1)
"""A cursor that every row comes after, so that the first page is the same statement."""


@dataclass(frozen=True)
class Page(Generic[InteractionT]):
    """A page of a person's entries, and the person's sequence in the same snapshot."""

    entries: list[InteractionT]
    titles: dict[int, str]
    sequence: int
    more: bool


def standing(
    connection: Connection, kind: type[InteractionT], user_id: UUID, movie_id: int
) -> Standing[InteractionT]:
    """Where a write begins: the sequence it must follow and what it would replace."""
    parameters = {"user_id": user_id, "movie_id": movie_id}
    row = connection.execute(_STANDING[kind], parameters).mappings().one()
    live = row["version"] is not None and row["deleted_at"] is None
    return Standing(
        sequence=row["sequence"],
        movie_removed=row["removed"],
        entry=_entry(kind, row) if live else None,
    )


def keep(
    connection: Connection,
    user_id: UUID,
    entry: Interaction,
    fact: Fact,
    *,
    at: datetime,
    deleted: bool = False,
) -> bool:
    """Write the entry, the person's next number and the outbox row in one statement.

    False when the person's sequence is no longer the one the entry follows: nothing is written.
    """
    values: dict[str, Any] = {"updated_at": at, **vars(entry), "user_id": user_id}
    values |= {"deleted_at": at if deleted else None, "expected": entry.version - 1}
    values |= _prefixed(outbox_values(STREAM, fact))
    return connection.execute(_KEEP[type(entry)], values).first() is not None


def page(
    connection: Connection, kind: type[InteractionT], user_id: UUID, *, after: Cursor, size: int
) -> Page[InteractionT]:
    """A person's live entries, newest first, with the titles known here."""
    parameters = {"user_id": user_id, "after_at": after[0], "after_id": after[1], "most": size + 1}
    rows = connection.execute(_PAGE[kind], parameters).mappings().all()
    found = [row for row in rows if row["movie_id"] is not None]
    return Page(
        entries=[_entry(kind, row) for row in found[:size]],
        titles={row["movie_id"]: row["title"] for row in found[:size]},
        sequence=rows[0]["sequence"],
        more=len(found) > size,
    )


def cursor_of(entry: Interaction) -> Cursor:
    """Where a page that ends with this entry ends."""
    return getattr(entry, entry.moments[0]), entry.movie_id


KindT = TypeVar("KindT", bound=Interaction)


def _entry(kind: type[KindT], row: RowMapping) -> KindT:
    return kind(**{name: row[name] for name in _names(kind)})


def _names(kind: type[Interaction]) -> list[str]:
    return [one.name for one in fields(kind)]


def _prefixed(values: Mapping[str, object]) -> dict[str, object]:
    return {f"outbox_{name}": value for name, value in values.items()}


def _sequence_of_user() -> sa.ColumnElement[int]:
    counter = sa.select(user_sequence.c.sequence).where(
        user_sequence.c.user_id == sa.bindparam("user_id")
    )
    return sa.func.coalesce(counter.scalar_subquery(), 0)


def _standing_statement(kind: type[Interaction], table: sa.Table) -> sa.Select[Any]:
    asked = sa.select(
        sa.bindparam("movie_id", type_=sa.BigInteger).label("movie_id"),
        _sequence_of_user().label("sequence"),
    ).subquery("asked")
    own = sa.and_(table.c.user_id == sa.bindparam("user_id"), table.c.movie_id == asked.c.movie_id)
    columns = [table.c[name] for name in _names(kind)]
    return sa.select(
        asked.c.sequence, known_movie.c.removed, table.c.deleted_at, *columns
    ).select_from(
        asked.outerjoin(known_movie, known_movie.c.movie_id == asked.c.movie_id).outerjoin(
            table, own
        )
    )


def _keep_statement(kind: type[Interaction], table: sa.Table) -> sa.Select[Any]:
    """Advance the sequence if it is the expected one; the rest happens from what that returned."""
    counted = (
        insert(user_sequence)
        .from_select(
            ["user_id", "sequence"],
            sa.select(sa.bindparam("user_id", type_=sa.Uuid), sa.literal(1, sa.BigInteger)),
        )
        .on_conflict_do_update(
            index_elements=[user_sequence.c.user_id],
            set_={"sequence": user_sequence.c.sequence + 1, "updated_at": sa.func.now()},
            where=user_sequence.c.sequence == sa.bindparam("expected"),
        )
        .returning(user_sequence.c.sequence)
        .cte("counted")
    )
    written = _written(kind, table, counted)
    published = insert(outbox).from_select(
        _OUTBOX_NAMES,
        sa.select(
            *[sa.bindparam(f"outbox_{name}", type_=outbox.c[name].type) for name in _OUTBOX_NAMES]
        ).select_from(counted),
    )
    return sa.select(counted.c.sequence).add_cte(written.cte("written"), published.cte("published"))


def _written(kind: type[Interaction], table: sa.Table, counted: sa.CTE) -> Any:
    names = dict.fromkeys(["user_id", *_names(kind), "deleted_at", "updated_at"])
    values = [sa.bindparam(name, type_=table.c[name].type) for name in names]
    statement = insert(table).from_select(list(names), sa.select(*values).select_from(counted))
    changed = [name for name in names if name not in {"user_id", "movie_id"}]
    return statement.on_conflict_do_update(
        index_elements=[table.c.user_id, table.c.movie_id],
        set_={name: statement.excluded[name] for name in changed},
    )


def _page_statement(kind: type[Interaction], table: sa.Table) -> sa.Executable:
    """The page first, titles after; one row without a movie when the page is empty."""
    moment = table.c[kind.moments[0]]
    after = sa.tuple_(
        sa.bindparam("after_at", type_=moment.type), sa.bindparam("after_id", type_=sa.BigInteger)
    )
    found = (
        sa.select(*[table.c[name] for name in _names(kind)])
        .where(table.c.user_id == sa.bindparam("user_id"), table.c.deleted_at.is_(None))
        .where(sa.tuple_(moment, table.c.movie_id) < after)
        .order_by(moment.desc(), table.c.movie_id.desc())
        .limit(sa.bindparam("most", type_=sa.Integer))
        .subquery("found")
    )
    counter = sa.select(_sequence_of_user().label("sequence")).subquery("counter")
    return (
        sa.select(counter.c.sequence, found, known_movie.c.title)
        .select_from(
            counter.outerjoin(found, sa.true()).outerjoin(
                known_movie, known_movie.c.movie_id == found.c.movie_id
            )
        )
        .order_by(found.c[moment.name].desc(), found.c.movie_id.desc())
    )


_OUTBOX_NAMES: Sequence[str] = [
    column.name for column in outbox.c if column.name not in {"created_at", "published_at"}
]

_TABLES: Mapping[type[Interaction], sa.Table] = {
    Favorite: tables.favorite,
    Rating: tables.rating,
    WatchlistEntry: tables.watchlist_entry,
    HiddenMovie: tables.hidden_movie,
}
_STANDING = {kind: _standing_statement(kind, table) for kind, table in _TABLES.items()}
_KEEP = {kind: _keep_statement(kind, table) for kind, table in _TABLES.items()}
_PAGE = {kind: _page_statement(kind, table) for kind, table in _TABLES.items()}
