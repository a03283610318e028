"""The only place where parts meet: settings in, servers out."""

from collections.abc import Mapping
from datetime import UTC, datetime

import grpc
import redis

from chassis.clients import channel
from chassis.database import Database, connect
from chassis.erasure import Eraser, Tombstones
from chassis.events import Consumer, Event
from chassis.identity import Revocations, SigningKeys, TokenVerifier
from chassis.jobs import Worker, wake_on_commit
from chassis.outbox import Relay
from chassis.paging import PageTokens, page_key
from chassis.rpc import Registration
from chassis.rpc import serve as serve_rpc
from chassis.service import run_until_signalled
from interactions.jobs import CHORES, job_functions
from interactions.operations import erasing
from interactions.operations.matching import Matching
from interactions.rpc import InteractionsServicer
from interactions.rpc.neighbours import Neighbours
from interactions.settings import Settings
from interactions.store.entries import STREAM
from interactions.subscriptions import COUNTED, SUBSCRIPTIONS, people
from marquee.catalog.v1 import catalog_pb2_grpc
from marquee.interactions.v1 import interactions_pb2, interactions_pb2_grpc
from marquee.users.v1 import events_pb2 as users_events
from marquee.users.v1 import users_pb2, users_pb2_grpc

NAME = "interactions"
_KEYS_TIMEOUT_SECONDS = 2.0


def serve(settings: Settings) -> None:
    """Answer the contract until told to stop."""
    database = _database(settings)
    users = users_pb2_grpc.UsersServiceStub(_channel(settings, settings.users_address))
    catalog = catalog_pb2_grpc.CatalogServiceStub(_channel(settings, settings.catalog_address))
    keys = SigningKeys(lambda: _signing_keys(users))
    revocations = Revocations(
        redis.Redis.from_url(settings.redis_streams_url),
        types=[users_events.SessionRevoked.DESCRIPTOR.full_name],
        access={users_events.UserAccessChanged.DESCRIPTOR.full_name: _lets_in},
    )
    internal_key = settings.internal_key.get_secret_value()
    keys.start()
    revocations.start()
    server = serve_rpc(
        listen=settings.grpc_listen,
        servicers=[registration(settings, database, Neighbours(catalog, users))],
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
    server.start()
    server.wait()


def registration(settings: Settings, database: Database, neighbours: Neighbours) -> Registration:
    """The servicer with all it needs, ready to be served."""
    tokens = PageTokens(page_key(settings.internal_key.get_secret_value()))
    return Registration(
        add=interactions_pb2_grpc.add_InteractionsServiceServicer_to_server,
        servicer=InteractionsServicer(database, tokens, neighbours, utc_now),
        service_descriptor=interactions_pb2.DESCRIPTOR.services_by_name["InteractionsService"],
    )


def background(settings: Settings) -> None:
    """Carry our facts to the stream, and take in those of the catalogue and our own."""
    database = _database(settings)
    streams = redis.Redis.from_url(settings.redis_streams_url)
    users = users_pb2_grpc.UsersServiceStub(_channel(settings, settings.users_address))
    eraser = eraser_of(settings, database, users)
    consumer = Consumer(
        name=NAME,
        database=database,
        redis=streams,
        subscriptions=(*SUBSCRIPTIONS, people(eraser)),
        instance=settings.instance,
        erased=eraser.tombstones.erased,
    )
    run_until_signalled(Relay(database, streams).run, consumer.run)


def work(settings: Settings) -> None:
    """Read imports, erase people."""
    worker_of(settings, _database(settings)).run()


def worker_of(settings: Settings, database: Database) -> Worker:
    """The worker and what it can do."""
    catalog = catalog_pb2_grpc.CatalogServiceStub(_channel(settings, settings.catalog_address))
    users = users_pb2_grpc.UsersServiceStub(_channel(settings, settings.users_address))
    eraser = eraser_of(settings, database, users)
    return Worker(
        name=NAME,
        database=database,
        redis_url=settings.redis_streams_url,
        handlers=job_functions(database, Matching(catalog), users, eraser.tombstones, utc_now),
        urgent=eraser.functions,
        chores=CHORES,
        instance=settings.instance,
    )


def eraser_of(
    settings: Settings, database: Database, users: users_pb2_grpc.UsersServiceStub
) -> Eraser:
    """Who forgets people here."""
    return Eraser(
        database=database,
        streams=redis.Redis.from_url(settings.redis_streams_url),
        tombstones=Tombstones(settings.internal_key.get_secret_value()),
        forget=erasing.forget,
        acknowledge=lambda erasure_id, deleted_count: users.AcknowledgeErasure(
            users_pb2.AcknowledgeErasureRequest(
                erasure_id=str(erasure_id), service=NAME, deleted_rows_count=deleted_count
            )
        ),
        own_streams=(STREAM,),
        rewriters=erasing.REWRITERS,
        hearers={NAME: COUNTED},
    )


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def _database(settings: Settings) -> Database:
    database = connect(
        settings.database_url, pool_size=settings.database_pool_size, application_name=NAME
    )
    wake_on_commit(database, name=NAME, redis_url=settings.redis_streams_url)
    return database


def _channel(settings: Settings, target: str) -> grpc.Channel:
    internal_key = settings.internal_key.get_secret_value()
    return channel(target, internal_key=internal_key, service=NAME)


def _signing_keys(users: users_pb2_grpc.UsersServiceStub) -> Mapping[str, bytes]:
    request = users_pb2.ListSigningKeysRequest()
    reply = users.ListSigningKeys(request, timeout=_KEYS_TIMEOUT_SECONDS)
    return {key.key_id: key.public_key for key in reply.keys}


def _lets_in(event: Event) -> bool:
    """Whether a changed account may still be used."""
    return users_events.UserAccessChanged.FromString(event.payload).status != "disabled"
