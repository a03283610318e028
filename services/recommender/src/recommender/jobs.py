"""Chores: training, deciding when to train, keeping tables and models tidy."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chassis.database import Database
from chassis.jobs import Chore, Job, JobFunction, Progress
from recommender.domain import months_ahead
from recommender.operations import models
from recommender.ranking.training import Options
from recommender.store import lists, tastes
from recommender.store import models as stored_models
from recommender.store.artefacts import Artefacts

_LISTS_ARE_KEPT = timedelta(days=1)
_MONTHS_AHEAD = 2

CHORES = (
    Chore("consider_training", every_seconds=60),
    Chore("keep_months", every_seconds=3600),
    Chore("forget_lists", every_seconds=3600),
)


class Rules(NamedTuple):
    """What the settings say of training and keeping."""

    threads: int
    retrain_seconds: int
    retrain_share: float
    first_training_interactions: int
    kept_models: int
    history_months: int


class Chores:
    """The jobs of this service with what they need."""

    def __init__(
        self,
        database: Database,
        artefacts: Artefacts,
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._artefacts = artefacts
        self._rules = rules
        self._now = now

    @property
    def functions(self) -> Mapping[str, JobFunction]:
        """The function of each kind of job."""
        return {
            models.TRAINING: self.train,
            "consider_training": self.consider_training,
            "keep_months": self.keep_months,
            "forget_lists": self.forget_lists,
        }

    def train(self, job: Job, progress: Progress) -> dict[str, Any]:
        """Train, judge, store and, unless it is worse than the live one, promote a model."""
        version = models.version_of(job.job_id)
        with self._database.begin() as connection:
            stored_models.open_model(connection, version, job.job_id)
        began = time.perf_counter()

        def step(name: str) -> None:
            progress.report(models.step_number(name), models.STEP_COUNT, step=name)

        step("read")
        interactions, catalogue = models.read_all(self._database)
        live = models.live_model(self._database, self._artefacts)
        options = Options(threads=self._rules.threads)
        outcome = models.trained(interactions, catalogue, options, live, step)
        step("store")
        manifest = self._artefacts.write(version, outcome.model)
        step("promote")
        seconds = time.perf_counter() - began
        with self._database.begin() as connection:
            promoted = models.close(
                connection, version, outcome, manifest, seconds=seconds, at=self._now()
            )
        self._forget_models()
        return {"model_version": version, "promoted": promoted, "seconds": round(seconds, 3)}

    def consider_training(self, _job: Job, _progress: Progress) -> None:
        """Start a training when the live model is old or much was done since."""
        with self._database.begin() as connection:
            count = tastes.count_interactions(connection)
            live = stored_models.live_model(connection)
            if models.training_is_due(
                count,
                live,
                first=self._rules.first_training_interactions,
                share=self._rules.retrain_share,
                oldest=self._now() - timedelta(seconds=self._rules.retrain_seconds),
            ):
                models.start_training(connection, "")

    def keep_months(self, _job: Job, _progress: Progress) -> None:
        """Make the history's partitions of the coming months, drop those past keeping."""
        now = self._now()
        with self._database.begin() as connection:
            for start, end in months_ahead(now, _MONTHS_AHEAD):
                lists.make_partition(connection, start, end)
            oldest = now - timedelta(days=31 * self._rules.history_months)
            lists.drop_partitions(connection, oldest.date())

    def forget_lists(self, _job: Job, _progress: Progress) -> None:
        """Drop whole lists nobody pages through any more."""
        with self._database.begin() as connection:
            lists.forget_lists(connection, self._now() - _LISTS_ARE_KEPT)

    def _forget_models(self) -> None:
        with self._database.begin() as connection:
            for version in stored_models.superfluous_models(connection, self._rules.kept_models):
                self._artefacts.remove(version)
                stored_models.close_model(connection, version, artefacts={})
