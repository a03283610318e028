"""A consumer process to be killed: consumer.py DATABASE_URL REDIS_URL INSTANCE.

It counts what it does in the table `effect`, so that a doubled effect would be seen.
"""

import sys
import threading

import redis
import sqlalchemy as sa

from chassis.database import connect
from chassis.events import Consumer, Subscription

database_url, redis_url, instance = sys.argv[1:]


def count(connection, event):
    connection.execute(
        sa.text("insert into effect values (:id, 1) on conflict (id) do update set n = effect.n+1"),
        {"id": event.aggregate_id},
    )


Consumer(
    name="counter",
    database=connect(database_url, application_name="counter"),
    redis=redis.Redis.from_url(redis_url),
    subscriptions=[Subscription("test.events", {"marquee.test.v1.Happened": count})],
    instance=instance,
    claim_idle_seconds=1,
).run(threading.Event())
