"""The only place where parts meet: settings in, servers out."""

import gc
from collections.abc import Mapping
from datetime import UTC, datetime

import redis

from catalog.jobs import Rhythm, Sync, chores, handlers
from catalog.rpc import CatalogServicer
from catalog.settings import Settings
from catalog.subscriptions import erasures
from catalog.tmdb.budget import RateBudget
from catalog.tmdb.client import Access
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
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.users.v1 import events_pb2 as user_events
from marquee.users.v1 import users_pb2, users_pb2_grpc

NAME = "catalog"
_KEYS_TIMEOUT_SECONDS = 2.0
_CACHE_TIMEOUT_SECONDS = 1.0
_STREAMS_TIMEOUT_SECONDS = 5.0
# A first backfill may run for hours: two more threads keep lists and changes moving beside it.
_JOBS_AT_ONCE = 3
_COLLECTED_AFTER = 100_000
# To compare every word of search with a misspelt one costs tens of milliseconds; PostgreSQL takes
# it for cheaper than its index, whose pages it believes to lie on a disk that turns.
_PLANNER = {"random_page_cost": 1.1}


def serve(settings: Settings) -> None:
    """Answer the contract until told to stop."""
    database = _database(settings)
    wake_on_commit(database, name=NAME, redis_url=settings.redis_streams_url)
    internal_key = settings.internal_key.get_secret_value()
    users = _users(settings)
    keys = SigningKeys(lambda: _signing_keys(users))
    revocations = Revocations(
        _redis(settings.redis_streams_url, _STREAMS_TIMEOUT_SECONDS),
        types=[user_events.SessionRevoked.DESCRIPTOR.full_name],
        access={user_events.UserAccessChanged.DESCRIPTOR.full_name: _lets_in},
    )
    servicer = CatalogServicer(
        database,
        _cache(settings),
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
    database = _database(settings)
    wake_on_commit(database, name=NAME, redis_url=settings.redis_streams_url)
    streams = _redis(settings.redis_streams_url, _STREAMS_TIMEOUT_SECONDS)
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
        handlers={**handlers(sync), **eraser_of(settings, sync.database).functions},
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
        streams=_redis(settings.redis_streams_url, _STREAMS_TIMEOUT_SECONDS),
        tombstones=Tombstones(settings.internal_key.get_secret_value()),
        forget=lambda _connection, _user_id: 0,
        acknowledge=lambda erasure_id, deleted_count: users.AcknowledgeErasure(
            users_pb2.AcknowledgeErasureRequest(
                erasure_id=str(erasure_id), service=NAME, deleted_rows_count=deleted_count
            )
        ),
        own_streams=("catalog.events",),
    )


def sync_context(settings: Settings) -> Sync:
    """What the stages of the sync work with."""
    # A batch is some hundred thousand small objects without cycles: to search them for cycles
    # at every seven hundredth took an eighth of the sync.
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    return Sync(
        database=_database(settings),
        cache=_cache(settings),
        access=Access(
            base_url=settings.tmdb_base_url,
            token=settings.tmdb_read_token.get_secret_value(),
            api_key=settings.tmdb_api_key.get_secret_value(),
            connections=settings.tmdb_connections,
            attempts=settings.tmdb_attempts,
            timeout_seconds=settings.tmdb_timeout_seconds,
        ),
        budget=RateBudget(settings.tmdb_rate, settings.tmdb_connections),
        source=settings.catalog_source,
        export_url=settings.tmdb_export_url,
        adult_export=settings.tmdb_adult_export,
        languages=tuple(part for part in settings.tmdb_languages.split(",") if part),
        list_pages=settings.sync_list_pages,
        batch_size=settings.sync_batch_size,
        settle_seconds=settings.sync_settle_seconds,
        refresh_after_days=settings.sync_refresh_after_days,
        refresh_limit=settings.sync_refresh_limit,
    )


def _database(settings: Settings) -> Database:
    return connect(
        settings.database_url,
        pool_size=settings.database_pool_size,
        application_name=NAME,
        parameters=_PLANNER,
    )


def _users(settings: Settings) -> users_pb2_grpc.UsersServiceStub:
    internal_key = settings.internal_key.get_secret_value()
    target = channel(settings.users_address, internal_key=internal_key, service=NAME)
    return users_pb2_grpc.UsersServiceStub(target)


def _cache(settings: Settings) -> redis.Redis:
    return _redis(settings.redis_cache_url, _CACHE_TIMEOUT_SECONDS)


def _redis(url: str, timeout_seconds: float) -> redis.Redis:
    """One that hangs must not hang us."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
    )


def _signing_keys(users: users_pb2_grpc.UsersServiceStub) -> Mapping[str, bytes]:
    request = users_pb2.ListSigningKeysRequest()
    reply = users.ListSigningKeys(request, timeout=_KEYS_TIMEOUT_SECONDS)
    return {key.key_id: key.public_key for key in reply.keys}


def _lets_in(event: Event) -> bool:
    """Whether a changed account may still be used."""
    return user_events.UserAccessChanged.FromString(event.payload).status != "disabled"
