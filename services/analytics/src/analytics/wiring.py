"""The only place where parts meet: settings in, servers out."""

import gc
import hmac
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

import redis

from analytics.jobs import CHORES, job_functions
from analytics.messages.facts import observed_without, type_of
from analytics.operations.activities import Hiding
from analytics.operations.catalog import CatalogSize
from analytics.operations.consents import Consents
from analytics.operations.retention import make_partitions
from analytics.rpc import AnalyticsServicer
from analytics.settings import Settings
from analytics.store import activities
from analytics.subscriptions import Intake, subscriptions
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
from marquee.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from marquee.catalog.v1 import catalog_pb2_grpc
from marquee.gateway.v1 import events_pb2 as gateway_events
from marquee.users.v1 import events_pb2 as users_events
from marquee.users.v1 import users_pb2, users_pb2_grpc

NAME = "analytics"
_KEYS_TIMEOUT_SECONDS = 2.0
_PARTITIONS_SECONDS = 600
_COLLECTED_AFTER = 100_000


def serve(settings: Settings) -> None:
    """Answer the contract until told to stop."""
    database, users = _database(settings), _users(settings)
    internal_key = settings.internal_key.get_secret_value()
    keys = SigningKeys(lambda: _signing_keys(users))
    revocations = Revocations(
        redis.Redis.from_url(settings.redis_streams_url),
        types=[users_events.SessionRevoked.DESCRIPTOR.full_name],
        access={users_events.UserAccessChanged.DESCRIPTOR.full_name: _lets_in},
    )
    server = serve_rpc(
        listen=settings.grpc_listen,
        servicers=[registration(settings, database, Consents(users), _catalog_size(settings))],
        settings=settings,
        verifier=TokenVerifier(
            keys=keys,
            internal_key=internal_key,
            revoked=revocations,
            erased=Tombstones(internal_key).erased_from(database),
        ),
        readiness=lambda: {
            "database": database.ping(),
            "revocations": revocations.known,
            "signing_keys": keys.known,
        },
        closing=[revocations.stop, keys.stop, database.dispose],
    )
    keys.start()
    revocations.start()
    server.start()
    server.wait()


def background(settings: Settings) -> None:
    """Carry our facts to their stream, and take in those of everybody else."""
    # A batch is many thousands of small objects without cycles; the collector walked them all
    # again every 700, a fifth of what ingesting a row costs.
    gc.set_threshold(_COLLECTED_AFTER)
    database = _database(settings)
    streams = redis.Redis.from_url(settings.redis_streams_url)
    consumer = Consumer(
        name=NAME,
        database=database,
        redis=streams,
        subscriptions=subscriptions(intake(settings, database, _users(settings))),
        instance=settings.instance,
        erased=_hiding(settings).tombstones.erased,
    )

    # The chore does the same; here it does not depend on workers, and no month can be missed.
    def keep_partitions(stop: threading.Event) -> None:
        keep_going(stop, "partitions", lambda: _make_partitions(database, stop))

    run_until_signalled(Relay(database, streams).run, consumer.run, keep_partitions)


def work(settings: Settings) -> None:
    """Do the chores."""
    database = _database(settings)
    Worker(
        name=NAME,
        database=database,
        redis_url=settings.redis_streams_url,
        handlers=job_functions(database, settings.activity_retention_months, utc_now),
        urgent=_eraser(settings, database, _users(settings)).functions,
        chores=CHORES,
        instance=settings.instance,
    ).run()


def registration(
    settings: Settings, database: Database, consents: Consents, catalog_size: CatalogSize
) -> Registration:
    """The servicer with all it needs, ready to be served."""
    tokens = PageTokens(page_key(settings.internal_key.get_secret_value()))
    return Registration(
        analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server,
        AnalyticsServicer(database, consents, catalog_size, tokens, _hiding(settings), utc_now),
        analytics_pb2.DESCRIPTOR.services_by_name["AnalyticsService"],
    )


def intake(
    settings: Settings, database: Database, users: users_pb2_grpc.UsersServiceStub
) -> Intake:
    """What the subscriptions need."""
    return Intake(
        consents=Consents(users),
        hiding=_hiding(settings),
        eraser=_eraser(settings, database, users),
        now=utc_now,
    )


def _eraser(
    settings: Settings, database: Database, users: users_pb2_grpc.UsersServiceStub
) -> Eraser:
    """Who forgets people here, and in the stream of the gateway, which has no place to do it."""
    return Eraser(
        database=database,
        streams=redis.Redis.from_url(settings.redis_streams_url),
        tombstones=_hiding(settings).tombstones,
        forget=activities.forget,
        acknowledge=lambda erasure_id, deleted_count: users.AcknowledgeErasure(
            users_pb2.AcknowledgeErasureRequest(
                erasure_id=str(erasure_id), service=NAME, deleted_rows_count=deleted_count
            )
        ),
        own_streams=("analytics.events", "gateway.activity"),
        rewriters={type_of(gateway_events.ActivityObserved): observed_without},
    )


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def _hiding(settings: Settings) -> Hiding:
    """The key of pseudonyms and of what was seen is derived so that it opens nothing else."""
    internal_key = settings.internal_key.get_secret_value()
    key = hmac.digest(internal_key.encode(), b"marquee activity", "sha256")
    return Hiding(key=key, tombstones=Tombstones(internal_key))


def _make_partitions(database: Database, stop: threading.Event) -> None:
    make_partitions(database, utc_now())
    stop.wait(_PARTITIONS_SECONDS)


def _database(settings: Settings) -> Database:
    database = connect(
        settings.database_url, pool_size=settings.database_pool_size, application_name=NAME
    )
    wake_on_commit(database, name=NAME, redis_url=settings.redis_streams_url)
    return database


def _users(settings: Settings) -> users_pb2_grpc.UsersServiceStub:
    internal_key = settings.internal_key.get_secret_value()
    to_users = channel(settings.users_address, internal_key=internal_key, service=NAME)
    return users_pb2_grpc.UsersServiceStub(to_users)


def _catalog_size(settings: Settings) -> CatalogSize:
    internal_key = settings.internal_key.get_secret_value()
    to_catalog = channel(settings.catalog_address, internal_key=internal_key, service=NAME)
    return CatalogSize(catalog_pb2_grpc.CatalogServiceStub(to_catalog))


def _signing_keys(users: users_pb2_grpc.UsersServiceStub) -> Mapping[str, bytes]:
    request = users_pb2.ListSigningKeysRequest()
    reply = users.ListSigningKeys(request, timeout=_KEYS_TIMEOUT_SECONDS)
    return {key.key_id: key.public_key for key in reply.keys}


def _lets_in(event: Event) -> bool:
    """Whether a changed account may still be used."""
    return users_events.UserAccessChanged.FromString(event.payload).status != "disabled"
