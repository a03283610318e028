"""What people did and how they want to be recommended to."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from recommender.domain import Change, Preferences
from recommender.ranking.signals import Signals
from recommender.ranking.training import Interactions
from recommender.store.copying import copied
from recommender.tables import interaction, preferences, taste

_ALL_INTERACTIONS = """
    select hashtextextended(user_id::text, 0), movie_id, kind, coalesce(rating, 'NaN'),
        extract(epoch from occurred_at)::float8
    from interaction where not deleted
"""
_INTERACTION = {"person": ">i8", "movie_id": ">i8", "kind": ">i2", "rating": ">f4", "at": ">f8"}

_SIGNALS_OF = sa.select(
    interaction.c.movie_id,
    interaction.c.kind,
    interaction.c.rating,
    sa.func.date_part("epoch", interaction.c.occurred_at),
).where(interaction.c.user_id == sa.bindparam("user_id"), ~interaction.c.deleted)

_PREFERENCES = [
    column for column in preferences.c if column.name not in {"created_at", "updated_at"}
]
_ASKED = sa.select(sa.bindparam("user_id", type_=sa.Uuid).label("user_id")).subquery()
_KNOWN_OF = sa.select(taste.c.sequence, *_PREFERENCES).select_from(
    _ASKED.outerjoin(taste, taste.c.user_id == _ASKED.c.user_id).outerjoin(
        preferences, preferences.c.user_id == _ASKED.c.user_id
    )
)

_SEQUENCE_OF = sa.select(taste.c.sequence).where(taste.c.user_id == sa.bindparam("user_id"))


# A VALUES list would be compiled anew each time.
_MAKE_TASTES = sa.text(
    "insert into taste (user_id, sequence) select unnest(cast(:user_ids as uuid[])), 0 "
    "on conflict do nothing"
)


class Applied(NamedTuple):
    """How far a person's replica is: no gap up to sequence, and single ones beyond."""

    sequence: int
    ahead: tuple[int, ...]


def signals_of(connection: Connection, user_id: UUID) -> Signals:
    """Everything a person has done and not taken back, movies by id."""
    rows = connection.execute(_SIGNALS_OF, {"user_id": user_id}).all()
    return _signals(rows)


def sequence_of(connection: Connection, user_id: UUID) -> int:
    """The last of the person's writes that is here, with all before it; 0 for nobody."""
    return int(connection.execute(_SEQUENCE_OF, {"user_id": user_id}).scalar() or 0)


def known_of(connection: Connection, user_id: UUID) -> tuple[int, Preferences | None]:
    """sequence_of, and how the person wants to be recommended to: None when nobody told us yet."""
    row = connection.execute(_KNOWN_OF, {"user_id": user_id}).mappings().one()
    sequence = int(row["sequence"] or 0)
    if row["version"] is None:
        return sequence, None
    values: dict[str, Any] = {
        name: value for name, value in row.items() if name not in {"user_id", "sequence"}
    }
    values["favorite_genre_ids"] = tuple(row["favorite_genre_ids"])
    return sequence, Preferences(**values)


def hold_people(connection: Connection, user_ids: Iterable[UUID]) -> list[UUID]:
    """Those of whom preferences are known, ascending; erased no sooner than we are done."""
    asked = preferences.c.user_id.in_(list(user_ids))
    held = sa.select(preferences.c.user_id).where(asked).order_by(preferences.c.user_id)
    return list(connection.execute(held.with_for_update(read=True, key_share=True)).scalars())


def hold_tastes(connection: Connection, user_ids: Iterable[UUID]) -> dict[UUID, Applied]:
    """The progress of these people, made if missing and locked until the transaction ends."""
    people = sorted(set(user_ids))
    connection.execute(_MAKE_TASTES, {"user_ids": [str(user_id) for user_id in people]})
    found = connection.execute(
        sa.select(taste.c.user_id, taste.c.sequence, taste.c.ahead)
        .where(taste.c.user_id.in_(people))
        .order_by(taste.c.user_id)
        .with_for_update()
    )
    return {row.user_id: Applied(row.sequence, tuple(row.ahead)) for row in found}


def advance_tastes(connection: Connection, applied: dict[UUID, Applied]) -> None:
    """Write down how far people's replicas are now."""
    statement = (
        sa.update(taste)
        .where(taste.c.user_id == sa.bindparam("person"))
        .values(
            sequence=sa.bindparam("up_to"),
            ahead=sa.bindparam("beyond"),
            updated_at=sa.func.now(),
        )
    )
    rows = [
        {"person": user_id, "up_to": state.sequence, "beyond": list(state.ahead)}
        for user_id, state in applied.items()
    ]
    connection.execute(statement, rows)


def keep_changes(connection: Connection, changes: Sequence[Change]) -> None:
    """Store the newest state of each interaction; an older one than is there changes nothing."""
    newest: dict[tuple[UUID, int, int], Change] = {}
    for change in sorted(changes, key=lambda one: one.sequence):
        newest[change.user_id, change.movie_id, int(change.kind)] = change
    if not newest:
        return
    kept = [newest[key] for key in sorted(newest)]
    connection.execute(
        _KEEP_CHANGES,
        {
            "user_ids": [str(one.user_id) for one in kept],
            "movie_ids": [one.movie_id for one in kept],
            "kinds": [int(one.kind) for one in kept],
            "sequences": [one.sequence for one in kept],
            "deleted": [one.deleted for one in kept],
            "ratings": [one.rating for one in kept],
            "occurred_at": [one.occurred_at for one in kept],
        },
    )


# One statement however many changes there are: a VALUES list of 500 rows costs more to compile
# than to run.
_KEEP_CHANGES = sa.text(
    """
    insert into interaction as known
        (user_id, movie_id, kind, sequence, deleted, rating, occurred_at)
    select * from unnest(
        cast(:user_ids as uuid[]), cast(:movie_ids as bigint[]), cast(:kinds as smallint[]),
        cast(:sequences as bigint[]), cast(:deleted as boolean[]), cast(:ratings as real[]),
        cast(:occurred_at as timestamptz[])
    )
    on conflict (user_id, movie_id, kind) do update set
        sequence = excluded.sequence, deleted = excluded.deleted, rating = excluded.rating,
        occurred_at = excluded.occurred_at, changed_in = excluded.changed_in, updated_at = now()
    where known.sequence < excluded.sequence
    """
)


def keep_preferences(connection: Connection, user_id: UUID, wanted: Preferences) -> None:
    """Store a person's preferences unless newer ones are there."""
    values = {**asdict(wanted), "favorite_genre_ids": list(wanted.favorite_genre_ids)}
    statement = insert(preferences).values(user_id=user_id, **values)
    fresh = {name: statement.excluded[name] for name in values}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id"],
            set_={**fresh, "updated_at": sa.func.now()},
            where=preferences.c.version < statement.excluded.version,
        )
    )


def count_interactions(connection: Connection) -> int:
    """How many interactions stand; once they are many, about how many there are, also such as were
    taken back, by the planner's statistics."""
    estimate = connection.execute(
        sa.text("select reltuples::bigint from pg_class where oid = 'interaction'::regclass")
    ).scalar()
    if estimate and estimate > 1_000_000:
        return int(estimate)
    standing = sa.select(sa.func.count()).select_from(interaction).where(~interaction.c.deleted)
    return int(connection.execute(standing).scalar_one())


def all_interactions(connection: Connection) -> Interactions:
    """Every interaction that stands, as arrays; a person is a 64-bit hash of their id."""
    rows = copied(connection, _ALL_INTERACTIONS, _INTERACTION)
    signals = Signals(
        rows["movie_id"].astype(np.int64),
        rows["kind"].astype(np.int64),
        rows["rating"].astype(np.float32),
        rows["at"].astype(np.float64),
    )
    return Interactions(rows["person"].astype(np.int64), signals)


def _columns(columns: Sequence[Sequence[Any]]) -> tuple[Any, Any, Any, Any]:
    return (
        np.asarray(columns[0], np.int64),
        np.asarray(columns[1], np.int64),
        np.asarray([np.nan if rating is None else rating for rating in columns[2]], np.float32),
        np.asarray(columns[3], np.float64),
    )


def _signals(rows: Sequence[Any]) -> Signals:
    return Signals(*_columns(list(zip(*rows, strict=True)) if rows else [[], [], [], []]))
