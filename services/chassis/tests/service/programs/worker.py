"""A worker process to be killed: worker.py DATABASE_URL REDIS_URL INSTANCE.

Its job counts to payload["to"], a checkpoint a step, and waits at each for a row in `permit`.
"""

import sys

import sqlalchemy as sa

from chassis import jobs
from chassis.database import connect
from chassis.testing import eventually

database_url, redis_url, instance = sys.argv[1:]
database = connect(database_url, application_name="worker")


def permitted(step):
    with database.read() as connection:
        found = sa.text("select 1 from permit where upto >= :step")
        return connection.execute(found, {"step": step}).scalar()


def count(job, progress):
    for step in range(progress.saved.get("step", 0), job.payload["to"]):
        eventually(lambda step=step: permitted(step), within=120)
        with database.begin() as connection:
            connection.execute(
                sa.text("insert into step values (:step, :instance)"),
                {"step": step, "instance": instance},
            )
        progress.checkpoint({"step": step + 1})
        progress.report(step + 1, job.payload["to"])
    return {"counted": job.payload["to"]}


jobs.Worker(
    name="tester",
    database=database,
    redis_url=redis_url,
    handlers={"count": count},
    chores=[],
    instance=instance,
    tick_seconds=0.5,
).run()
