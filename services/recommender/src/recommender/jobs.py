"""Chores: training and looking for better ways to, lists ahead of their people, tidiness."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.engine import Connection
from threadpoolctl import threadpool_limits

from chassis import jobs
from chassis.database import Database
from chassis.jobs import Chore, Job, JobFunction, Progress
from recommender.domain import Exploration, months_ahead
from recommender.operations import ahead, models, searching, training
from recommender.operations.live import Live
from recommender.operations.training import Checkpoint
from recommender.store import lists, tastes
from recommender.store import models as stored_models
from recommender.store.artefacts import Artefacts

# A list made ahead is shown for a day, and paged through for as long as one made now.
_LISTS_ARE_KEPT = timedelta(days=2)
_MONTHS_AHEAD = 2

CONSIDERING, FORGETTING = "consider_training", "forget_models"

CHORES = (
    Chore(CONSIDERING, every_seconds=60),
    Chore(ahead.PREPARING, every_seconds=86_400),
    Chore(models.SEARCHING, every_seconds=604_800),
    Chore(FORGETTING, every_seconds=600),
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
    active_days: int
    search_seconds: int
    exploration: Exploration


class Chores:
    """The jobs of this service with what they need."""

    def __init__(
        self,
        database: Database,
        artefacts: Artefacts,
        live: Callable[[], Live],
        rules: Rules,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._artefacts = artefacts
        self._live = live
        self._rules = rules
        self._now = now

    @property
    def functions(self) -> Mapping[str, JobFunction]:
        """The function of each kind of job."""
        return {
            models.TRAINING: self.train,
            models.SEARCHING: self.search,
            ahead.PREPARING: self.prepare_lists,
            CONSIDERING: self.consider_training,
            FORGETTING: self.forget_models,
            "keep_months": self.keep_months,
            "forget_lists": self.forget_lists,
        }

    def train(self, job: Job, progress: Progress) -> dict[str, Any]:
        """Train, judge, store and, unless it is worse than the live one, promote a model."""
        version = training.version_of(job.job_id)
        with self._database.begin() as connection:
            stored_models.open_model(connection, version, job.job_id)
        began = time.perf_counter()

        def step(name: str) -> None:
            progress.report(training.step_number(name), training.STEP_COUNT, step=name)

        options = training.options_for(self._database, self._rules.threads)
        checkpoint = Checkpoint(progress.saved, progress.checkpoint)
        outcome = training.trained(
            self._database, self._artefacts, version, options, checkpoint, step
        )
        promoted, seconds = None, 0.0
        while promoted is None:
            outcome = training.beside_live(self._database, self._artefacts, outcome)
            step("promote")
            seconds = time.perf_counter() - began
            with self._database.begin() as connection:
                promoted = training.close(
                    connection, version, outcome, seconds=seconds, at=self._now()
                )
                jobs.enqueue(connection, FORGETTING, key=FORGETTING)
        return {"model_version": version, "promoted": promoted, "seconds": round(seconds, 3)}

    def search(self, job: Job, progress: Progress) -> dict[str, Any]:
        """Look for better options of training; the next training uses those that were chosen."""
        found = searching.searched(
            self._database,
            self._rules.threads,
            Checkpoint(progress.saved, progress.checkpoint),
            lambda number: progress.report(number, searching.TRIAL_COUNT, step="trial"),
            budget_seconds=self._rules.search_seconds,
        )
        if found["trials"]:
            with self._database.begin() as connection:
                stored_models.keep_search(connection, job.job_id, **found)
        return found

    def prepare_lists(self, _job: Job, progress: Progress) -> dict[str, Any]:
        """Make the lists of everybody who is active, so that a first visit only reads one."""
        since = self._now() - timedelta(days=self._rules.active_days)
        with self._database.begin(statement_timeout_seconds=300) as connection:
            people = lists.active_people(connection, since)
        after, made = (
            UUID(progress.saved.get("after", UUID(int=0).hex)),
            progress.saved.get("made", 0),
        )
        waiting = [user_id for user_id in people if user_id > after]
        snapshot = self._live().refresh() if waiting else None
        if snapshot is None or snapshot.degraded:
            return {"lists_count": made}
        for start in range(0, len(waiting), ahead.PEOPLE_AT_ONCE):
            progress.report(len(people) - len(waiting) + start, len(people), step="rank")
            part = waiting[start : start + ahead.PEOPLE_AT_ONCE]
            # One list is too little for threads of BLAS: they would only wait for each other.
            with threadpool_limits(1, "blas"):
                made += ahead.prepare(
                    self._database, snapshot, part, self._now(), self._rules.exploration
                )
            progress.checkpoint({"after": part[-1].hex, "made": made})
        return {"lists_count": made}

    def consider_training(self, _job: Job, _progress: Progress) -> dict[str, Any]:
        """Start a training when the last one is old or much was done since; not soon after a
        failed one."""
        with self._database.begin() as connection:
            count = tastes.count_interactions(connection)
            if not models.failed_lately(connection, self._now()) and models.training_is_due(
                count,
                _counted_before(connection),
                stored_models.last_trained(connection),
                first=self._rules.first_training_interactions,
                share=self._rules.retrain_share,
                oldest=self._now() - timedelta(seconds=self._rules.retrain_seconds),
            ):
                models.start_training(connection, "")
        return {"interactions_count": count}

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

    def forget_models(self, _job: Job, _progress: Progress) -> None:
        """Close failed trainings, and remove the files of all that is not stored any more.

        Files go after the commit: what is left when this dies in between goes the next time.
        """
        with self._database.begin() as connection:
            gone = models.forget(connection, self._rules.kept_models)
        for version in sorted(self._artefacts.versions() & gone):
            self._artefacts.remove(version)


def _counted_before(connection: Connection) -> int:
    """How many interactions there were when a training was considered last."""
    done = (record.result for record in jobs.latest(connection, CONSIDERING))
    return next((result["interactions_count"] for result in done if result), 0)
