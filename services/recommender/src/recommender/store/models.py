"""The registry of trained models."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, Row

from recommender.tables import model, search

_NO_FILES = sa.text("'{}'::jsonb")
_IS_OVER = model.c.state.in_(["retired", "rejected", "candidate"])


def open_model(connection: Connection, version: str, job_id: UUID) -> None:
    """A model whose training begins; beginning again changes nothing."""
    statement = insert(model).values(model_version=version, job_id=job_id, state="training")
    connection.execute(statement.on_conflict_do_nothing())


def close_model(connection: Connection, version: str, **values: Any) -> None:
    """What came of a training."""
    connection.execute(
        sa.update(model)
        .where(model.c.model_version == version)
        .values(**values, updated_at=sa.func.now())
    )


def lock_registry(connection: Connection) -> None:
    """Whoever promotes, closes or forgets models takes turns."""
    connection.execute(sa.text("lock table model in share row exclusive mode"))


def find_model(connection: Connection, version: str) -> Row[Any] | None:
    """A model by its version."""
    return connection.execute(sa.select(model).where(model.c.model_version == version)).first()


def live_model(connection: Connection) -> Row[Any] | None:
    """The model that answers now."""
    return connection.execute(sa.select(model).where(model.c.state == "live")).first()


def last_trained(connection: Connection) -> Row[Any] | None:
    """The model of the last training that came to an end."""
    statement = sa.select(model).where(model.c.trained_at.is_not(None))
    return connection.execute(statement.order_by(model.c.trained_at.desc()).limit(1)).first()


def model_of_job(connection: Connection, job_id: UUID) -> str:
    """The version a training makes, or empty."""
    found = sa.select(model.c.model_version).where(model.c.job_id == job_id)
    return str(connection.execute(found).scalar() or "")


def promote(connection: Connection, version: str) -> None:
    """Make a model the live one and retire the one before."""
    now = sa.func.now()
    connection.execute(
        sa.update(model)
        .where(model.c.state == "live", model.c.model_version != version)
        .values(state="retired", updated_at=now)
    )
    connection.execute(
        sa.update(model)
        .where(model.c.model_version == version, model.c.state != "live")
        .values(state="live", promoted_at=now, updated_at=now)
    )


def models(connection: Connection, *, before: str | None, limit: int) -> Sequence[Row[Any]]:
    """Models newest first, before (older than) a version."""
    statement = sa.select(model).order_by(model.c.model_version.desc()).limit(limit)
    if before is not None:
        statement = statement.where(model.c.model_version < before)
    return connection.execute(statement).all()


def previous_models(connection: Connection) -> Sequence[Row[Any]]:
    """Stored models that were live before, the last of them first."""
    return connection.execute(
        sa.select(model)
        .where(model.c.state == "retired", model.c.artefacts != _NO_FILES)
        .order_by(model.c.promoted_at.desc())
    ).all()


def keep_search(
    connection: Connection, search_id: UUID, *, chosen: dict[str, float], trials: list[Any]
) -> None:
    """What a search found; found again by the same job, it takes its place."""
    values = {"chosen": chosen, "trials": trials}
    statement = insert(search).values(search_id=search_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["search_id"], set_=values))


def chosen_options(connection: Connection) -> dict[str, float]:
    """The options that the last search chose; none before the first."""
    last = sa.select(search.c.chosen).order_by(search.c.created_at.desc()).limit(1)
    return connection.execute(last).scalar() or {}


def training_models(connection: Connection) -> Sequence[Row[Any]]:
    """Models whose training has not come to an end."""
    return connection.execute(sa.select(model).where(model.c.state == "training")).all()


def superfluous_models(connection: Connection, kept: int) -> list[str]:
    """Versions of stored models beyond the `kept` that were live last, and the newest `kept` of
    those that never were: rejected ones must not push out what may be rolled back to."""
    last_first = sa.func.row_number().over(
        partition_by=model.c.state == "retired",
        order_by=(model.c.promoted_at.desc().nulls_last(), model.c.model_version.desc()),
    )
    stored = (
        sa.select(model.c.model_version, last_first.label("place"))
        .where(_IS_OVER, model.c.artefacts != _NO_FILES)
        .subquery()
    )
    beyond = sa.select(stored.c.model_version).where(stored.c.place > kept)
    return list(connection.execute(beyond).scalars())


def models_without_files(connection: Connection) -> set[str]:
    """Versions of models that are neither in training nor stored."""
    gone = sa.select(model.c.model_version).where(_IS_OVER, model.c.artefacts == _NO_FILES)
    return set(connection.execute(gone).scalars())
