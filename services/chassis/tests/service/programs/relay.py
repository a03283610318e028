"""A relay process to be killed: relay.py DATABASE_URL REDIS_URL."""

import sys
import threading

import redis

from chassis.database import connect
from chassis.outbox import Relay

database = connect(sys.argv[1], application_name="relay")
Relay(database, redis.Redis.from_url(sys.argv[2])).run(threading.Event())
