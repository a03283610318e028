"""A training from step to step: read, learn, fit, store, judge, and put live if it may be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection

from chassis.database import Database
from recommender.domain import is_no_worse
from recommender.messages import values
from recommender.operations.judging import apart, judged, metrics_of
from recommender.operations.models import promote
from recommender.ranking.catalogue import Catalogue, catalogue_from
from recommender.ranking.ensemble import Model
from recommender.ranking.evaluation import Quality
from recommender.ranking.training import (
    Interactions,
    Material,
    Options,
    fit,
    learn,
    learnt_from,
    material,
)
from recommender.store import models, movies, tastes
from recommender.store.artefacts import ArtefactDamaged, Artefacts, Manifest

log = structlog.get_logger()

_READ_SECONDS = 900.0
_STEPS = ("read", "validation", "fit", "store", "judge", "promote")
STEP_COUNT = len(_STEPS)
Step = Callable[[str], None]


class Checkpoint(NamedTuple):
    """What a training that was cut off had, and how to keep what this one has."""

    saved: dict[str, Any]
    keep: Callable[[dict[str, Any]], None]


class Trained(NamedTuple):
    """A stored model, how good it is and the live one beside it, and what it learnt from."""

    model: Model
    manifest: Manifest
    quality: Quality
    judges: Interactions
    seed: int
    interactions: int
    counted: int
    live_version: str | None = None
    live_quality: Quality | None = None


class _Given(NamedTuple):
    """What to learn from, the judges' own, and how much was read by number and by count."""

    material: Material
    judges: Interactions
    interactions: int
    counted: int


def read_all(database: Database) -> tuple[Interactions, Catalogue]:
    """Everything a training needs, read in one long snapshot."""
    with database.begin(statement_timeout_seconds=_READ_SECONDS) as connection:
        interactions = tastes.all_interactions(connection)
        return interactions, catalogue_from(movies.documents(connection))


def options_for(database: Database, threads: int) -> Options:
    """What the last search found best, or else what is usual."""
    with database.read() as connection:
        found = models.chosen_options(connection)
    # Another release may have tried what there is no longer.
    known = {name: value for name, value in found.items() if hasattr(Options, name)}
    return replace(Options(threads=threads), **known)


def trained(
    database: Database,
    artefacts: Artefacts,
    version: str,
    options: Options,
    checkpoint: Checkpoint,
    step: Step,
) -> Trained:
    """A model of all but the judges, stored, and what these say of it."""
    step("read")
    given = _given(database)
    model, manifest = _stored(artefacts, version, checkpoint) or _made(
        artefacts, version, given.material, options, checkpoint, step
    )
    step("judge")
    return Trained(
        model=model,
        manifest=manifest,
        quality=judged(model, given.judges, options.seed),
        judges=given.judges,
        seed=options.seed,
        interactions=given.interactions,
        counted=given.counted,
    )


def beside_live(database: Database, artefacts: Artefacts, outcome: Trained) -> Trained:
    """What the judges say of the model that is live now."""
    with database.read() as connection:
        row = models.live_model(connection)
    live = None if row is None else _live_model(artefacts, row)
    return outcome._replace(
        live_version=None if row is None else row.model_version,
        live_quality=None if live is None else judged(live, outcome.judges, outcome.seed),
    )


def _given(database: Database) -> _Given:
    """What it is made of is not kept."""
    with database.read() as connection:
        counted = tastes.count_interactions(connection)
    interactions, catalogue = read_all(database)
    known, judges = apart(interactions)
    return _Given(material(known, catalogue), judges, len(interactions), counted)


def _stored(
    artefacts: Artefacts, version: str, checkpoint: Checkpoint
) -> tuple[Model, Manifest] | None:
    """The model that an interrupted run had stored, if it is what was written."""
    stored = checkpoint.saved.get("stored")
    if stored is None:
        return None
    try:
        return artefacts.read(version, stored["artefacts"], stored["meta"]), stored["artefacts"]
    except (ArtefactDamaged, OSError) as error:
        log.warning("a training is fitted again", model=version, error=repr(error))
        return None


def _made(
    artefacts: Artefacts,
    version: str,
    given: Material,
    options: Options,
    checkpoint: Checkpoint,
    step: Step,
) -> tuple[Model, Manifest]:
    step("validation")
    if "learnt" in checkpoint.saved:
        learnt = learnt_from(checkpoint.saved["learnt"])
    else:
        learnt = learn(given, options)
        checkpoint.keep({"learnt": learnt.document()})
    step("fit")
    model = fit(given, learnt.options, learnt.blend)
    step("store")
    manifest = artefacts.write(version, model)
    checkpoint.keep({"stored": {"artefacts": manifest, "meta": model.meta}})
    return model, manifest


def _live_model(artefacts: Artefacts, row: Any) -> Model | None:
    """The live model, None when its files are not what they were."""
    try:
        return artefacts.read(row.model_version, row.artefacts, row.meta)
    except (ArtefactDamaged, OSError) as error:
        log.warning("the live model cannot be read", model=row.model_version, error=repr(error))
        return None


def close(
    connection: Connection,
    version: str,
    outcome: Trained,
    *,
    seconds: float,
    at: datetime,
) -> bool | None:
    """Register a stored model and promote it unless it is worse than the live one.

    None, and nothing is done, when another is live than it was judged beside.
    """
    models.lock_registry(connection)
    known, now_live = models.find_model(connection, version), models.live_model(connection)
    if known is None or known.state != "training":
        # Another run of this training, or whoever closed it as failed, was here before.
        return known is not None and known.promoted_at is not None
    if outcome.live_version != (None if now_live is None else now_live.model_version):
        return None
    live = outcome.live_quality
    good = live is None or is_no_worse(outcome.quality.ndcg_each, live.ndcg_each)
    models.close_model(
        connection,
        version,
        state="candidate" if good else "rejected",
        trained_at=at,
        metrics=metrics_of(outcome.quality, live),
        meta=outcome.model.meta,
        artefacts=outcome.manifest,
        interactions_count=outcome.interactions,
        counted_interactions=outcome.counted,
        users_count=int(outcome.model.meta["user_count"]),
        movies_count=int(outcome.model.meta["movie_count"]),
        training_seconds=seconds,
        note="" if good else "worse than the live model on the same held-out people",
    )
    if good:
        promote(connection, version, at=at)
    return good


def version_of(job_id: UUID) -> str:
    """Sorts by time, as the job's UUIDv7 does, and is the same when the job runs again.

    A UUIDv7 begins with 48 bits of milliseconds and, after the digit 7, 12 bits of their fraction.
    """
    made, digits = values.moment_of(job_id), job_id.hex
    return f"{made:%Y%m%dT%H%M%S}-{made.microsecond // 1000:03}{digits[13:16]}{digits[-4:]}"


def step_number(step: str) -> int:
    """How many steps of a training are done when this one begins."""
    return _STEPS.index(step)
