"""Celery carries nothing but the word "look": the work itself waits in PostgreSQL."""

import threading
from collections.abc import Callable, Sequence

import structlog
from celery import Celery, signals
from celery.beat import Scheduler, Service
from celery.exceptions import CeleryError
from celery.platforms import EX_OK
from celery.worker import state
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from chassis.jobs.waking import TICK_SECONDS
from chassis.loops import keep_going, works

TICK = "chassis.tick"
WAKE = "chassis.wake"
_LOOP = "celery"

log = structlog.get_logger()


def application(name: str, redis_url: str) -> Celery:
    """A Celery application over Redis with nothing switched on that we do not use."""
    app = Celery(name, broker=redis_url, set_as_current=False)
    app.conf.update(
        task_default_queue=name,
        task_ignore_result=True,
        result_backend=None,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": "{marquee}:celery:",
            "socket_timeout": 5,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
    )
    return app


def keep_our_logging() -> None:
    """Connecting to this signal is what keeps Celery from configuring logs by itself."""
    signals.setup_logging.connect(_leave_logging, weak=False)


def _leave_logging(**_: object) -> None:
    return


def waker(name: str, redis_url: str) -> Callable[[], None]:
    """What tells the workers of service `name` to look; it may take long, and seldom fails."""
    app = application(name, redis_url)

    def wake() -> None:
        try:
            app.send_task(WAKE, queue=name, expires=60, retry=False)
        except (CeleryError, KombuError, RedisError, OSError) as error:
            # The beat's next tick finds the job: only a few seconds are lost.
            log.warning("wake-up not sent", queue=name, error=str(error))

    return wake


class Listener:
    """A Celery worker in a thread whose tasks are the two words, each calling a function of ours.

    Solo pool: nothing is forked, and nothing is worked on here.
    """

    def __init__(
        self, name: str, redis_url: str, *, on_tick: Callable[[], None], on_wake: Callable[[], None]
    ) -> None:
        self._name = name
        self._app = application(name, redis_url)
        # Shared tasks, Celery's default, would be every application's in this process.
        self._app.task(name=TICK, shared=False)(self._ticked(on_tick))
        self._app.task(name=WAKE, shared=False)(on_wake)

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop`. Whatever ends Celery's own loop early, it is begun anew."""
        keep_our_logging()
        state.should_stop = None
        self._app.set_current()  # of this thread: where a task's name is looked up
        stopper = threading.Thread(target=self._stop_celery, args=(stop,), daemon=True)
        stopper.start()
        keep_going(stop, _LOOP, self._serve)

    def _serve(self) -> None:
        self._app.WorkController(
            pool_cls="solo",
            concurrency=1,
            queues=[self._name],
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        ).start()

    @staticmethod
    def _ticked(on_tick: Callable[[], None]) -> Callable[[], None]:
        def tick() -> None:
            works(_LOOP)
            on_tick()

        return tick

    @staticmethod
    def _stop_celery(stop: threading.Event) -> None:
        stop.wait()
        state.should_stop = EX_OK


def beat(
    redis_url: str,
    services: Sequence[str],
    stop: threading.Event,
    *,
    every_seconds: float = TICK_SECONDS,
) -> None:
    """Send a tick to each service's queue every few seconds until `stop`."""
    app = application("beat", redis_url)
    app.conf.beat_schedule = {
        f"tick {service}": {
            "task": TICK,
            "schedule": every_seconds,
            # A tick nobody took in time is worth nothing: the next one is on its way.
            "options": {"queue": service, "expires": every_seconds},
        }
        for service in services
    }
    # The plain scheduler keeps its times in memory; the default one writes a file.
    service = Service(app, max_interval=every_seconds, scheduler_cls=Scheduler)
    thread = threading.Thread(
        target=keep_going, args=(stop, "beat", service.start), name="beat", daemon=True
    )
    thread.start()
    stop.wait()
    service.stop()
    thread.join(every_seconds)
