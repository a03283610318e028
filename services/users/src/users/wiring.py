"""The only place where parts meet: settings in, servers out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from chassis.clients import channel
from chassis.database import Database, connect
from chassis.erasure import Tombstones
from chassis.errors import Unavailable
from chassis.events import Consumer, Event
from chassis.identity import Revocations, SigningKeys, TokenVerifier
from chassis.jobs import Worker, wake_on_commit
from chassis.mail import mailer_of
from chassis.outbox import Relay
from chassis.paging import PageTokens, page_key
from chassis.rpc import Registration
from chassis.rpc import serve as serve_rpc
from chassis.service import run_until_signalled
from marquee.catalog.v1 import catalog_pb2_grpc
from marquee.recommender.v1 import recommender_pb2_grpc
from marquee.users.v1 import events_pb2 as events
from marquee.users.v1 import users_pb2 as pb
from marquee.users.v1 import users_pb2_grpc
from users.domain.accounts import SHORTEST_PASSWORD
from users.jobs import CHORES, Chores
from users.operations.limits import Limit, LoginLimits
from users.operations.passwords import Passwords
from users.operations.recommendation_mails import Offers
from users.operations.sessions import Tokens
from users.operations.signing_keys import Keyring
from users.rpc import UsersServicer
from users.rpc.parts import Parts
from users.settings import Settings
from users.store.signing_keys import signing_keys
from users.subscriptions import subscriptions

_REDIS_SECONDS = 0.25


def database_of(settings: Settings) -> Database:
    """The service's own database; jobs enqueued in it wake the workers."""
    database = connect(
        settings.database_url,
        pool_size=settings.database_pool_size,
        application_name=f"users {settings.instance}",
    )
    wake_on_commit(database, name="users", redis_url=settings.redis_streams_url)
    return database


def keyring_of(settings: Settings) -> Keyring:
    """The keyring that the secret opens."""
    return Keyring(settings.signing_key_secret.get_secret_value())


def passwords_of(settings: Settings) -> Passwords:
    """The one place where passwords are hashed."""
    lengthy = (word for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST_PASSWORD)
    return Passwords(threads=settings.password_threads, common=frozenset(lengthy))


def tombstones_of(settings: Settings) -> Tombstones:
    """What tells of people who were erased."""
    return Tombstones(settings.internal_key.get_secret_value())


def registration(
    settings: Settings,
    database: Database,
    *,
    passwords: Passwords,
    keyring: Keyring,
    revoked: Callable[[UUID], None],
    now: Callable[[], datetime],
) -> Registration:
    """The servicer with all it needs, ready to be served."""
    parts = Parts(
        database=database,
        tokens=Tokens(keyring, settings.refresh_token_days),
        passwords=passwords,
        limits=_limits(settings),
        page_tokens=PageTokens(page_key(settings.internal_key.get_secret_value())),
        tombstones=tombstones_of(settings),
        revoked=revoked,
        now=now,
    )
    return Registration(
        add=users_pb2_grpc.add_UsersServiceServicer_to_server,
        servicer=UsersServicer(parts),
        service_descriptor=pb.DESCRIPTOR.services_by_name["UsersService"],
    )


def serve(settings: Settings) -> None:
    """Answer RPCs until told to stop."""
    database, keyring = database_of(settings), keyring_of(settings)
    keys = SigningKeys(lambda: _public_keys(database, keyring))
    revocations = Revocations(
        redis.Redis.from_url(settings.redis_streams_url),
        types=(events.SessionRevoked.DESCRIPTOR.full_name,),
        access={events.UserAccessChanged.DESCRIPTOR.full_name: _lets_in},
    )
    served = registration(
        settings,
        database,
        passwords=passwords_of(settings),
        keyring=keyring,
        revoked=revocations.add,
        now=utc_now,
    )
    server = serve_rpc(
        listen=settings.grpc_listen,
        servicers=[served],
        settings=settings,
        verifier=TokenVerifier(
            keys=keys,
            internal_key=settings.internal_key.get_secret_value(),
            revoked=revocations,
            erased=tombstones_of(settings).erased_from(database),
        ),
        readiness=lambda: {"database": database.ping(), "signing-keys": keys.known},
        closing=(keys.stop, revocations.stop, database.dispose),
    )
    keys.start()
    revocations.start()
    server.start()
    server.wait()


def background(settings: Settings) -> None:
    """Carry our events to their stream, and hear what admins do elsewhere."""
    database, streams = database_of(settings), redis.Redis.from_url(settings.redis_streams_url)
    tombstones = tombstones_of(settings)
    consumer = Consumer(
        name="users",
        database=database,
        redis=streams,
        subscriptions=subscriptions(tombstones),
        instance=settings.instance,
        erased=tombstones.erased,
    )
    run_until_signalled(Relay(database, streams).run, consumer.run)


def work(settings: Settings) -> None:
    """Do the chores."""
    worker_of(settings, now=utc_now).run()


def worker_of(settings: Settings, *, now: Callable[[], datetime]) -> Worker:
    """The worker and what it can do."""
    database = database_of(settings)
    jobs = chores_of(settings, database, now=now)
    return Worker(
        name="users",
        database=database,
        redis_url=settings.redis_streams_url,
        handlers=jobs.functions,
        urgent=jobs.urgent,
        chores=CHORES,
        instance=settings.instance,
    )


def chores_of(settings: Settings, database: Database, *, now: Callable[[], datetime]) -> Chores:
    """The jobs of this service."""
    return Chores(
        database=database,
        keyring=keyring_of(settings),
        mailer=mailer_of(settings.mail_url, settings.mail_from),
        signing_key_days=settings.signing_key_days,
        password_reset_url=settings.password_reset_url,
        offer=_offers(settings),
        tombstones=tombstones_of(settings),
        streams=redis.Redis.from_url(settings.redis_streams_url),
        cache=redis.Redis.from_url(settings.redis_cache_url),
        now=now,
    )


def _offers(settings: Settings) -> Offers:
    """What the job of recommendation mails asks; nothing else here calls another service."""
    key = settings.internal_key.get_secret_value()
    recommender = channel(settings.recommender_address, internal_key=key, service="users")
    catalog = channel(settings.catalog_address, internal_key=key, service="users")
    return Offers(
        recommender_pb2_grpc.RecommenderServiceStub(recommender),
        catalog_pb2_grpc.CatalogServiceStub(catalog),
    )


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def _limits(settings: Settings) -> LoginLimits:
    client = redis.Redis.from_url(
        settings.redis_cache_url,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    seconds = settings.login_limit_seconds
    return LoginLimits(
        client,
        account=Limit(settings.login_limit_account, seconds),
        address=Limit(settings.login_limit_address, seconds),
    )


def _public_keys(database: Database, keyring: Keyring) -> Mapping[str, bytes]:
    """What others ask of us by RPC; the first who asks has the first key made."""
    try:
        with database.begin() as connection:
            keyring.signer(connection, utc_now())
            return {key.key_id: key.public_key for key in signing_keys(connection)}
    except SQLAlchemyError as error:
        raise Unavailable("the database is not available") from error


def _lets_in(event: Event) -> bool:
    """Whether a changed account may still be used."""
    return events.UserAccessChanged.FromString(event.payload).status != "disabled"
