"""The sync as jobs: which there are, how often, and how one is run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalog.domain.sync import STAGES
from catalog.jobs.running import Run, StageBusy, Sync, perform
from catalog.jobs.stages import BY_NAME
from catalog.operations.requesting import SYNC_JOB, chore_of
from catalog.store import runs
from catalog.tmdb.errors import ExportUnusable, SourceDenied
from chassis.jobs import Chore, Job, JobFunction, Progress, enqueue


@dataclass(frozen=True)
class Rhythm:
    """How often each stage runs by itself."""

    reference_seconds: int
    census_seconds: int
    lists_seconds: int
    backfill_seconds: int
    delta_seconds: int
    refresh_seconds: int


def chores(rhythm: Rhythm) -> list[Chore]:
    """The stages as chores."""
    seconds = vars(rhythm)
    return [Chore(chore_of(stage), seconds[f"{stage}_seconds"]) for stage in STAGES]


def handlers(sync: Sync) -> dict[str, JobFunction]:
    """What each kind of job does."""
    by_chore: dict[str, JobFunction] = {chore_of(stage): _chore(sync, stage) for stage in STAGES}
    return {SYNC_JOB: _requested(sync), **by_chore}


def run_stage(
    sync: Sync,
    run_id: UUID,
    stage: str,
    parameters: dict[str, Any],
    tell: Callable[[Run], None],
    *,
    wait: bool,
) -> Run:
    """Run a stage whose run is stored already."""
    run = Run(run_id, stage, parameters, tell, stage_now=stage)
    perform(sync, run, BY_NAME[stage], wait=wait)
    return run


def _requested(sync: Sync) -> JobFunction:
    def sync_requested(job: Job, progress: Progress) -> dict[str, Any] | None:
        run_id = UUID(job.payload["sync_run_id"])
        with sync.database.begin() as connection:
            row = runs.find(connection, run_id)
        if row is None or row["state"] == "done":
            return None
        parameters = dict(row["parameters"])
        return _ran(sync, run_id, row["stage"], parameters, progress, wait=True)

    return sync_requested


def _chore(sync: Sync, stage: str) -> JobFunction:
    def sync_stage(job: Job, progress: Progress) -> dict[str, Any] | None:
        # The job's own id: a chore that was cut off goes on with the same run.
        with sync.database.begin() as connection:
            if runs.find(connection, job.job_id) is None:
                runs.create(
                    connection,
                    run_id=job.job_id,
                    stage=stage,
                    source=sync.source,
                    request_id=None,
                    parameters={},
                )
        result = _ran(sync, job.job_id, stage, {}, progress, wait=False)
        if stage == "census" and "done" in result:
            with sync.database.begin() as connection:
                enqueue(connection, chore_of("backfill"), key=f"after:{job.job_id}")
        return result

    return sync_stage


def _ran(
    sync: Sync,
    run_id: UUID,
    stage: str,
    parameters: dict[str, Any],
    progress: Progress,
    *,
    wait: bool,
) -> dict[str, Any]:
    def tell(run: Run) -> None:
        total = run.done_count + run.remaining_count if run.remaining_count >= 0 else None
        progress.report(run.done_count, total, stage=run.stage_now)

    try:
        run = run_stage(sync, run_id, stage, parameters, tell, wait=wait)
    except StageBusy as busy:
        with sync.database.begin() as connection:
            runs.give_way(connection, run_id)
        return {"skipped": busy.detail}
    except (SourceDenied, ExportUnusable) as error:
        return {"stopped": str(error)}
    return {"done": run.done_count, "changed": run.changed_count}


__all__ = ["Rhythm", "Run", "Sync", "chores", "handlers", "run_stage"]
