"""Training a model, judging it beside the live one, and putting one live."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import structlog
from sqlalchemy.engine import Connection

from chassis import jobs
from chassis.database import Database
from chassis.outbox import publish
from recommender import messages
from recommender.domain import ModelNotFound, ModelUnusable, gain_interval, is_no_worse
from recommender.operations.lists import STREAM
from recommender.ranking.arrays import Ints
from recommender.ranking.catalogue import Catalogue, catalogue_from
from recommender.ranking.ensemble import FORMAT, Ensemble, Model
from recommender.ranking.evaluation import Quality, quality
from recommender.ranking.ranked import Wish, rank
from recommender.ranking.signals import known_to, taste_of, training_weights
from recommender.ranking.training import LIKED, Interactions, Options, train
from recommender.store import models, movies, tastes
from recommender.store.artefacts import ArtefactDamaged, Artefacts

log = structlog.get_logger()

# One person in ten is never trained on: they judge each model, and none has seen them.
_JUDGES_AMONG = 10
_MOST_JUDGES = 500
_TOP = 100
_RECENT = 200
_READ_SECONDS = 900.0
_STEPS = ("read", "validation", "fit", "judge", "store", "promote")
Step = Callable[[str], None]
STEP_COUNT = len(_STEPS)
TRAINING = "train"


class Trained(NamedTuple):
    """A trained model, how good it is, and what it learnt from."""

    model: Model
    quality: Quality
    live_quality: Quality | None
    interactions: int


def read_all(database: Database) -> tuple[Interactions, Catalogue]:
    """Everything a training needs, read in one long snapshot."""
    with database.begin(statement_timeout_seconds=_READ_SECONDS) as connection:
        interactions = tastes.all_interactions(connection)
        return interactions, catalogue_from(movies.documents(connection))


def trained(
    interactions: Interactions,
    catalogue: Catalogue,
    options: Options,
    live: Model | None,
    step: Step,
) -> Trained:
    """A model of all but the judges, and what these say of it and of the live one."""
    judging = interactions.users % _JUDGES_AMONG == 0
    model = train(interactions.of(~judging), catalogue, options, step)
    step("judge")
    judges = interactions.of(judging)
    return Trained(
        model=model,
        quality=judged(model, judges, options.seed),
        live_quality=judged(live, judges, options.seed) if live is not None else None,
        interactions=len(interactions),
    )


def judged(model: Model, judges: Interactions, seed: int) -> Quality:
    """Each judge gives a random 80% as history; what they liked of the rest is looked for."""
    ensemble = Ensemble(model).focused()
    rng = np.random.default_rng(seed)
    lists: dict[int, list[int]] = {}
    liked: dict[int, set[int]] = {}
    for user in np.unique(judges.users)[:_MOST_JUDGES].tolist():
        mine = judges.of(judges.users == user)
        order = rng.permutation(len(mine))
        cut = round(0.8 * len(order))
        later = mine.of(order[cut:]).signals
        liked[user] = set(later.movies[training_weights(later) >= LIKED].tolist())
        lists[user] = _list_for(ensemble, mine.of(order[:cut]))
    counts = _counts(ensemble)
    people = int(model.meta.get("user_count", 1))
    return quality(lists, liked, counts=counts, people=people, movie_count=len(ensemble))


def _list_for(ensemble: Ensemble, history: Interactions) -> list[int]:
    signals = history.signals
    placed = known_to(signals, ensemble.positions(signals.movies))
    at = float(signals.at.max()) if len(signals) else float("nan")
    ranked = rank(ensemble, taste_of(placed, at=at), Wish("hybrid", _TOP))
    return ensemble.movie_ids[ranked.movies].tolist()


def _counts(ensemble: Ensemble) -> dict[int, int]:
    met: Ints = np.flatnonzero(ensemble.popularity)
    counts = ensemble.popularity[met].astype(int).tolist()
    return dict(zip(ensemble.movie_ids[met].tolist(), counts, strict=True))


def live_model(database: Database, artefacts: Artefacts) -> Model | None:
    """The live model, None when there is none or its files are not what they were."""
    with database.read() as connection:
        row = models.live_model(connection)
    if row is None:
        return None
    try:
        return artefacts.read(row.model_version, row.artefacts, row.meta)
    except (ArtefactDamaged, OSError) as error:
        log.warning("the live model cannot be read", model=row.model_version, error=repr(error))
        return None


def close(
    connection: Connection,
    version: str,
    outcome: Trained,
    manifest: dict[str, Any],
    *,
    seconds: float,
    at: datetime,
) -> bool:
    """Register a stored model and promote it unless it is worse than the live one."""
    live = outcome.live_quality
    good = live is None or is_no_worse(outcome.quality.ndcg_each, live.ndcg_each)
    models.lock_registry(connection)
    models.close_model(
        connection,
        version,
        state="candidate" if good else "rejected",
        trained_at=at,
        metrics=_metrics(outcome),
        meta=outcome.model.meta,
        artefacts=manifest,
        interactions_count=outcome.interactions,
        users_count=int(outcome.model.meta["user_count"]),
        movies_count=int(outcome.model.meta["movie_count"]),
        training_seconds=seconds,
        note="" if good else "worse than the live model on the same held-out people",
    )
    if good:
        promote(connection, version, at=at)
    return good


def _metrics(outcome: Trained) -> dict[str, float]:
    measured = outcome.quality
    metrics = {
        "ndcg_at_10": measured.ndcg_10,
        "recall_at_20": measured.recall_20,
        "mrr": measured.mrr,
        "coverage_at_10": measured.coverage_10,
        "novelty_at_10": measured.novelty_10,
        "judges": float(measured.people),
    }
    if outcome.live_quality is not None:
        live = outcome.live_quality
        metrics["live_ndcg_at_10"] = live.ndcg_10
        pairs = zip(measured.ndcg_each, live.ndcg_each, strict=True)
        if gains := [new - old for new, old in pairs]:
            metrics["gain_low"], metrics["gain_high"] = gain_interval(gains)
    return metrics


def promote(connection: Connection, version: str, *, at: datetime) -> None:
    """Make a stored model the live one; replicas load it within a second."""
    models.lock_registry(connection)
    found = models.find_model(connection, version)
    if found is None:
        raise ModelNotFound("no such model")
    if not found.artefacts:
        raise ModelUnusable("the model is not stored")
    if not is_of_this_release(found):
        raise ModelUnusable("another release made the model; train a new one")
    if found.state != "live":
        models.promote(connection, version)
        publish(connection, STREAM, [messages.model_promoted(version, at)])


def version_of(job_id: UUID) -> str:
    """Sorts by time, as the job's UUIDv7 does, and is the same when the job runs again.

    A UUIDv7 begins with 48 bits of milliseconds and, after the digit 7, 12 bits of their fraction.
    """
    made, digits = messages.moment_of(job_id), job_id.hex
    return f"{made:%Y%m%dT%H%M%S}-{made.microsecond // 1000:03}{digits[13:16]}{digits[-4:]}"


def step_number(step: str) -> int:
    """How many steps of a training are done when this one begins."""
    return _STEPS.index(step)


def start_training(connection: Connection, request_id: str) -> UUID:
    """Have a model trained; one training runs at a time, and a request id starts only one."""
    for record in jobs.latest(connection, TRAINING, _RECENT) if request_id else ():
        if record.payload.get("request_id") == request_id:
            return record.job_id
    payload = {"request_id": request_id}
    return jobs.enqueue(connection, TRAINING, key=TRAINING, payload=payload, max_attempts=3)


def is_of_this_release(row: Any) -> bool:
    """Whether this release can read a stored model."""
    return row.meta.get("format") == FORMAT


def training_is_due(count: int, live: Any, *, first: int, share: float, oldest: datetime) -> bool:
    """Whether there is enough new: for a first model, for a soon one, for a regular one."""
    if live is None or not is_of_this_release(live):
        return count >= first
    new = abs(count - live.interactions_count)
    regular = live.trained_at < oldest and new > 0
    return regular or new >= max(share * live.interactions_count, first)
