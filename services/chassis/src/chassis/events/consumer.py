"""A service's subscriptions, followed together."""

import threading
from collections.abc import Sequence

import redis

from chassis.database import Database
from chassis.events.follower import Follower
from chassis.events.letters import Erased, nobody_erased
from chassis.events.subscription import Subscription


class Consumer:
    """Handles each event of its subscriptions once; `name` is the group's and the inbox's.

    Of people whom `erased` knows no dead letter is kept.
    """

    def __init__(
        self,
        *,
        name: str,
        database: Database,
        redis: redis.Redis,
        subscriptions: Sequence[Subscription],
        instance: str,
        erased: Erased = nobody_erased,
        claim_idle_seconds: float = 30.0,
        retry_seconds: float = 0.25,
    ) -> None:
        streams = [subscription.stream for subscription in subscriptions]
        if len(set(streams)) != len(streams):
            raise ValueError(f"a stream is subscribed to twice: {streams}")
        self._followers = [
            Follower(
                name,
                database,
                redis,
                subscription,
                instance,
                erased,
                claim_idle_seconds,
                retry_seconds,
            )
            for subscription in subscriptions
        ]

    def run(self, stop: threading.Event) -> None:
        """Follow each stream in a thread of its own until `stop`."""
        threads = [
            threading.Thread(target=follower.run, args=(stop,), daemon=True)
            for follower in self._followers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
