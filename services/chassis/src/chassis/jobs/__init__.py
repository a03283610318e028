"""Jobs: kept in PostgreSQL, woken through Celery, run by a worker that may die at any time."""

from chassis.jobs.progress import Interrupted, LeaseLost, Progress
from chassis.jobs.table import Job, JobRecord, enqueue, find, latest
from chassis.jobs.waking import wake_on_commit
from chassis.jobs.worker import Chore, JobFunction, Worker

__all__ = [
    "Chore",
    "Interrupted",
    "Job",
    "JobFunction",
    "JobRecord",
    "LeaseLost",
    "Progress",
    "Worker",
    "enqueue",
    "find",
    "latest",
    "wake_on_commit",
]
