"""The only place where parts meet: settings in, servers out."""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import redis
from sqlalchemy.engine import Connection
from threadpoolctl import threadpool_limits

from chassis import jobs
from chassis.clients import channel
from chassis.database import Database, connect
from chassis.erasure import Eraser, Tombstones
from chassis.events import Consumer, Event
from chassis.identity import Revocations, SigningKeys, TokenVerifier
from chassis.jobs import Worker, wake_on_commit
from chassis.loops import keep_going
from chassis.outbox import Relay
from chassis.paging import PageTokens, page_key
from chassis.rpc import Registration
from chassis.rpc import serve as serve_rpc
from chassis.service import run_until_signalled
from marquee.interactions.v1 import interactions_pb2_grpc
from marquee.recommender.v1 import recommender_pb2 as pb
from marquee.recommender.v1 import recommender_pb2_grpc
from marquee.users.v1 import events_pb2 as user_events
from marquee.users.v1 import users_pb2, users_pb2_grpc
from recommender.domain import Exploration
from recommender.jobs import CHORES, Chores, Rules
from recommender.operations import lists, models
from recommender.operations.erasing import REWRITERS, forgetter
from recommender.operations.live import PATIENCE_SECONDS, Live
from recommender.operations.people import Neighbours
from recommender.operations.rehearsing import Rehearsal
from recommender.rpc import RecommenderServicer
from recommender.settings import Settings
from recommender.store.artefacts import Artefacts
from recommender.store.popularity import refresh_popularity
from recommender.subscriptions import subscriptions

_PAGES_AT_ONCE = 200
_PAGE_POLL_SECONDS = 0.1
_POPULARITY_SECONDS = 5.0
_KEYS_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 0.5
# For a model of a gigabyte to come from a slow store: a job has time.
_A_JOB_WAITS_SECONDS = 600.0


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def database_of(settings: Settings) -> Database:
    """The service's own database."""
    database = connect(
        settings.database_url,
        pool_size=settings.database_pool_size,
        application_name=f"recommender {settings.instance}",
    )
    wake_on_commit(database, name="recommender", redis_url=settings.redis_streams_url)
    return database


def artefacts_of(settings: Settings) -> Artefacts:
    """The store of trained models."""
    return Artefacts(settings.model_store, Path(settings.model_cache))


def live_of(
    settings: Settings, database: Database, *, patience_seconds: float = PATIENCE_SECONDS
) -> Live:
    """What this process will rank with."""
    return Live(
        database,
        artefacts_of(settings),
        now=utc_now,
        clock=time.monotonic,
        patience_seconds=patience_seconds,
    )


def exploration_of(settings: Settings) -> Exploration:
    """How much of lists is left to chance."""
    return Exploration(settings.exploration_share)


def registration(
    settings: Settings, database: Database, live: Live, neighbours: Neighbours
) -> Registration:
    """The servicer with all it needs, ready to be served."""
    tokens = PageTokens(page_key(settings.internal_key.get_secret_value()))
    return Registration(
        add=recommender_pb2_grpc.add_RecommenderServiceServicer_to_server,
        servicer=RecommenderServicer(
            database, live, neighbours, tokens, utc_now, exploration_of(settings)
        ),
        service_descriptor=pb.DESCRIPTOR.services_by_name["RecommenderService"],
    )


def neighbours_of(settings: Settings) -> Neighbours:
    """Those whom a list may have to ask."""
    key = settings.internal_key.get_secret_value()
    interactions = channel(settings.interactions_address, internal_key=key, service="recommender")
    users = channel(settings.users_address, internal_key=key, service="recommender")
    return Neighbours(
        interactions=interactions_pb2_grpc.InteractionsServiceStub(interactions),
        users=users_pb2_grpc.UsersServiceStub(users),
        timeout_seconds=settings.neighbour_seconds,
    )


def rehearsal_of(
    settings: Settings,
    database: Database,
    live: Live,
    neighbours: Neighbours,
    erased: Callable[[UUID], bool],
) -> Rehearsal:
    """What this process does before it is ready."""
    exploration = exploration_of(settings)
    return Rehearsal(
        database, live, neighbours, erased=erased, exploration=exploration, now=utc_now
    )


def serve(settings: Settings) -> None:
    """Answer RPCs until told to stop."""
    # Requests run beside one another; the threads of BLAS would only wait for each other, busily.
    threadpool_limits(1, "blas")
    database, neighbours = database_of(settings), neighbours_of(settings)
    live = live_of(settings, database)
    keys = SigningKeys(lambda: _signing_keys(neighbours))
    revocations = Revocations(
        redis.Redis.from_url(settings.redis_streams_url),
        types=(user_events.SessionRevoked.DESCRIPTOR.full_name,),
        access={user_events.UserAccessChanged.DESCRIPTOR.full_name: _lets_in},
    )
    internal_key = settings.internal_key.get_secret_value()
    erased = Tombstones(internal_key).erased_from(database)
    rehearsal = rehearsal_of(settings, database, live, neighbours, erased)
    stop = threading.Event()
    server = serve_rpc(
        listen=settings.grpc_listen,
        servicers=[registration(settings, database, live, neighbours)],
        settings=settings,
        verifier=TokenVerifier(
            keys=keys,
            internal_key=internal_key,
            revoked=revocations,
            erased=erased,
        ),
        readiness=lambda: {
            "database": database.ping(),
            "catalogue": live.ready,
            "rehearsal": rehearsal.over,
            "signing-keys": keys.known,
        },
        closing=(stop.set, keys.stop, revocations.stop, database.dispose),
    )
    for run in (live.run, rehearsal.run):
        threading.Thread(target=run, args=(stop,), name=run.__qualname__, daemon=True).start()
    keys.start()
    revocations.start()
    server.start()
    server.wait()


def background(settings: Settings) -> None:
    """Follow the others' events, carry ours, and write the history behind the answers."""
    database = database_of(settings)
    client = redis.Redis.from_url(settings.redis_streams_url)
    eraser = eraser_of(settings, database)
    consumer = Consumer(
        name="recommender",
        database=database,
        redis=client,
        subscriptions=subscriptions(eraser),
        instance=settings.instance,
        erased=eraser.tombstones.erased,
    )
    relay = Relay(database, client)
    run_until_signalled(
        consumer.run,
        relay.run,
        lambda stop: keep_going(stop, "history", record_step(database, stop)),
        lambda stop: keep_going(stop, "popularity", popularity_step(database, stop, utc_now)),
    )


def record_step(database: Database, stop: threading.Event) -> Callable[[], None]:
    """Write served pages into the history, and wait when there are none left."""

    def step() -> None:
        with database.begin() as connection:
            recorded = lists.record_pages(connection, _PAGES_AT_ONCE)
        if recorded < _PAGES_AT_ONCE:
            stop.wait(_PAGE_POLL_SECONDS)

    return step


def popularity_step(
    database: Database, stop: threading.Event, now: Callable[[], datetime]
) -> Callable[[], None]:
    """Count movies whose interactions changed, and wait."""

    def step() -> None:
        with database.begin(statement_timeout_seconds=300) as connection:
            refresh_popularity(connection, now())
        stop.wait(_POPULARITY_SECONDS)

    return step


def work(settings: Settings) -> None:
    """Train models and do the chores."""
    worker_of(settings, database_of(settings)).run()


def train(settings: Settings, _rest: Sequence[str]) -> int:
    """Train now, as the worker would: in this process, unless one does so already."""
    return _done_now(settings, lambda connection: models.start_training(connection, ""))


def search(settings: Settings, _rest: Sequence[str]) -> int:
    """Look for better options of training now, as the worker would."""
    return _done_now(settings, models.start_search)


def _done_now(settings: Settings, start: Callable[[Connection], UUID]) -> int:
    """Have a job done and say what came of it; 0 only if it is."""
    database = database_of(settings)
    with database.begin() as connection:
        job_id = start(connection)
    worker = worker_of(settings, database)
    while True:
        worker.run_waiting()
        with database.read() as connection:
            record = jobs.find(connection, job_id)
        if record is None or record.state in {"done", "failed"}:
            break
        # It failed and will be tried again, or another worker has it.
        time.sleep(_ASK_AGAIN_SECONDS)
    told = {} if record is None else {"state": record.state, "result": record.result}
    sys.stdout.write(f"{json.dumps(told)}\n")
    if record is not None and record.error:
        sys.stderr.write(f"{record.error}\n")
    return 0 if record is not None and record.state == "done" else 1


def worker_of(settings: Settings, database: Database) -> Worker:
    """The worker and what it can do."""
    return Worker(
        name="recommender",
        database=database,
        redis_url=settings.redis_streams_url,
        handlers=chores_of(settings, database).functions,
        urgent=eraser_of(settings, database).functions,
        chores=CHORES,
        instance=settings.instance,
    )


def eraser_of(settings: Settings, database: Database) -> Eraser:
    """Who forgets people here."""
    users = neighbours_of(settings).users
    return Eraser(
        database=database,
        streams=redis.Redis.from_url(settings.redis_streams_url),
        tombstones=Tombstones(settings.internal_key.get_secret_value()),
        forget=forgetter(utc_now),
        acknowledge=lambda erasure_id, deleted_count: users.AcknowledgeErasure(
            users_pb2.AcknowledgeErasureRequest(
                erasure_id=str(erasure_id),
                service="recommender",
                deleted_rows_count=deleted_count,
            )
        ),
        own_streams=("recommender.events",),
        rewriters=REWRITERS,
    )


def chores_of(settings: Settings, database: Database) -> Chores:
    """The jobs of this service."""
    rules = Rules(
        threads=settings.training_threads,
        retrain_seconds=settings.retrain_seconds,
        retrain_share=settings.retrain_share,
        first_training_interactions=settings.first_training_interactions,
        kept_models=settings.kept_models,
        history_months=settings.history_months,
        active_days=settings.active_days,
        search_seconds=settings.search_seconds,
        exploration=exploration_of(settings),
    )
    live = partial(live_of, settings, database, patience_seconds=_A_JOB_WAITS_SECONDS)
    return Chores(database, artefacts_of(settings), live, rules, utc_now)


def _signing_keys(neighbours: Neighbours) -> Mapping[str, bytes]:
    reply = neighbours.users.ListSigningKeys(
        users_pb2.ListSigningKeysRequest(), timeout=_KEYS_SECONDS
    )
    return {key.key_id: key.public_key for key in reply.keys}


def _lets_in(event: Event) -> bool:
    """Whether a changed account may still be used."""
    return user_events.UserAccessChanged.FromString(event.payload).status != "disabled"
