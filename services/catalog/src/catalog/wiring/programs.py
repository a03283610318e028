"""The programs that run until told to stop: settings in, servers out."""

from collections.abc import Mapping
from datetime import UTC, datetime

from catalog.jobs import Rhythm, chores, handlers
from catalog.rpc import CatalogServicer
from catalog.settings import Settings
from catalog.subscriptions import erasures
from catalog.wiring.sync import NAME, cache_of, database_of, redis_of, sync_context
from chassis.clients import channel
from chassis.database import Database
from chassis.erasure import Eraser, Tombstones
from chassis.events import Consumer, Event
from chassis.identity import Revocations, SigningKeys, TokenVerifier
from chassis.jobs import Worker, wake_on_commit
from chassis.outbox import Relay
from chassis.paging import PageTokens, page_key
from chassis.rpc import Registration
from chassis.rpc import serve as serve_rpc
from chassis.service import run_until_signalled
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.users.v1 import events_pb2 as user_events
from marquee.users.v1 import users_pb2, users_pb2_grpc

_KEYS_TIMEOUT_SECONDS = 2.0
_STREAMS_TIMEOUT_SECONDS = 5.0
# A first backfill may run for hours: two more threads keep lists and changes moving beside it.
_JOBS_AT_ONCE = 3


def serve(settings: Settings) -> None:
    """Answer the contract until told to stop."""
    database = database_of(settings)
    wake_on_commit(database, name=NAME, redis_url=settings.redis_streams_url)
    internal_key = settings.internal_key.get_secret_value()
    users = _users(settings)
    keys = SigningKeys(lambda: _signing_keys(users))
    revocations = Revocations(
        redis_of(settings.redis_streams_url, _STREAMS_TIMEOUT_SECONDS),
        types=[user_events.SessionRevoked.DESCRIPTOR.full_name],
        access={user_events.UserAccessChanged.DESCRIPTOR.full_name: _lets_in},
    )
    servicer = CatalogServicer(
        database,
        cache_of(settings),
        PageTokens(page_key(internal_key)),
        settings.catalog_source,
        lambda: datetime.now(UTC),
    )
    keys.start()
    revocations.start()
    server = serve_rpc(
        listen=settings.grpc_listen,
        servicers=[registration(servicer)],
        settings=settings,
        verifier=TokenVerifier(
            keys=keys,
            internal_key=internal_key,
            revoked=revocations,
            erased=Tombstones(internal_key).erased_from(database),
        ),
        # Movies are public: without users' keys they are read all the same.
        readiness=lambda: {"database": database.ping()},
        closing=[revocations.stop, keys.stop, database.dispose],
    )
    server.start()
    server.wait()


def background(settings: Settings) -> None:
    """Carry the catalogue's facts to the stream, and hear of people to be forgotten."""
    database = database_of(settings)
    wake_on_commit(database, name=NAME, redis_url=settings.redis_streams_url)
    streams = redis_of(settings.redis_streams_url, _STREAMS_TIMEOUT_SECONDS)
    consumer = Consumer(
        name=NAME,
        database=database,
        redis=streams,
        subscriptions=[erasures(eraser_of(settings, database))],
        instance=settings.instance,
    )
    run_until_signalled(Relay(database, streams).run, consumer.run)


def work(settings: Settings) -> None:
    """Run the sync."""
    sync = sync_context(settings)
    rhythm = Rhythm(
        reference_seconds=settings.sync_reference_seconds,
        census_seconds=settings.sync_census_seconds,
        lists_seconds=settings.sync_lists_seconds,
        backfill_seconds=settings.sync_backfill_seconds,
        delta_seconds=settings.sync_delta_seconds,
        refresh_seconds=settings.sync_refresh_seconds,
    )
    Worker(
        name=NAME,
        database=sync.database,
        redis_url=settings.redis_streams_url,
        handlers=handlers(sync),
        urgent=eraser_of(settings, sync.database).functions,
        chores=chores(rhythm),
        instance=settings.instance,
        concurrency=_JOBS_AT_ONCE,
    ).run()


def registration(servicer: CatalogServicer) -> Registration:
    """The servicer with its place in the contract."""
    return Registration(
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
        servicer,
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    )


def eraser_of(settings: Settings, database: Database) -> Eraser:
    """Who forgets people here: the catalogue has no rows of theirs, but jobs and answers might."""
    users = _users(settings)
    return Eraser(
        database=database,
        streams=redis_of(settings.redis_streams_url, _STREAMS_TIMEOUT_SECONDS),
        tombstones=Tombstones(settings.internal_key.get_secret_value()),
        forget=lambda _connection, _user_id: 0,
        acknowledge=lambda erasure_id, deleted_count: users.AcknowledgeErasure(
            users_pb2.AcknowledgeErasureRequest(
                erasure_id=str(erasure_id), service=NAME, deleted_rows_count=deleted_count
            )
        ),
        own_streams=("catalog.events",),
    )


def _users(settings: Settings) -> users_pb2_grpc.UsersServiceStub:
    internal_key = settings.internal_key.get_secret_value()
    target = channel(settings.users_address, internal_key=internal_key, service=NAME)
    return users_pb2_grpc.UsersServiceStub(target)


def _signing_keys(users: users_pb2_grpc.UsersServiceStub) -> Mapping[str, bytes]:
    request = users_pb2.ListSigningKeysRequest()
    reply = users.ListSigningKeys(request, timeout=_KEYS_TIMEOUT_SECONDS)
    return {key.key_id: key.public_key for key in reply.keys}


def _lets_in(event: Event) -> bool:
    """Whether a changed account may still be used."""
    return user_events.UserAccessChanged.FromString(event.payload).status != "disabled"
