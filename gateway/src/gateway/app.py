"""The application: parts made once, put together here and nowhere else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import redis
import redis.asyncio
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html

from chassis.errors import Refusal
from chassis.events import AsyncTail, Event
from chassis.identity import Revocations
from gateway import context, documents, problems
from gateway.activity import Recorder
from gateway.auth import Door, Keys
from gateway.cache import Multiplexed
from gateway.clients import connect
from gateway.context import Context
from gateway.edge import Edge
from gateway.kept import Kept
from gateway.limits import Limits, Proxies
from gateway.live import HELD_SECONDS, STREAMS, Live
from gateway.movies import Configuration, Movies
from gateway.ready import Ready
from gateway.resources.shapes import answer
from gateway.routes import (
    activity,
    admin,
    analytics,
    auth,
    imports,
    interactions,
    lists,
    me,
    movies,
    people,
    recommendations,
    stream,
    users,
)
from gateway.sequences import Sequences
from gateway.settings import Settings
from marquee.catalog.v1 import catalog_pb2
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.interactions.v1 import events_pb2 as interactions_events
from marquee.recommender.v1 import events_pb2 as recommender_events
from marquee.users.v1 import events_pb2 as users_events

log = structlog.get_logger()
_FOLLOWED = ("catalog.events", "users.events", "interactions.events", "recommender.events")
_ROUTERS = (
    auth.router,
    auth.jwks,
    me.router,
    me.social,
    users.router,
    movies.router,
    people.router,
    interactions.router,
    lists.own,
    lists.anybodys,
    lists.changed,
    imports.router,
    recommendations.router,
    activity.router,
    stream.router,
    admin.router,
    analytics.router,
)


def create(settings: Settings) -> Edge:
    """The whole gateway as one ASGI application."""
    streams = Multiplexed(settings.redis_streams_url)
    recorder = Recorder(streams, settings.instance)
    app = described()
    app.state.settings = settings
    app.state.streams = streams
    app.state.recorder = recorder
    app.state.ready = Ready(app)
    front = Kept(app, app.state.ready)
    app.state.edge = Edge(front, recorder, settings.concurrent_requests)
    return app.state.edge


def described() -> FastAPI:
    """All routes, with nothing behind them yet: enough to be described."""
    app = FastAPI(
        title="Marquee",
        version="1.0.0",
        summary="Movies, and which of them are for you.",
        description=documents.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        openapi_tags=documents.TAGS,
    )
    problems.install(app)
    for router in _ROUTERS:
        # Side by side rather than included: each request would be matched with routers in turn.
        app.router.routes.extend(router.routes)
    _add_operations(app)
    return app


def _add_operations(app: FastAPI) -> None:
    app.add_api_route("/healthz", _health, include_in_schema=False)
    app.add_api_route("/readyz", _readiness, include_in_schema=False)
    app.add_api_route("/api/openapi.json", _openapi, include_in_schema=False)
    app.add_api_route("/api/docs", _docs, include_in_schema=False)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Connections live as long as the process serves."""
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        services = connect(settings)
        stack.push_async_callback(services.close)
        cache = Multiplexed(settings.redis_cache_url)
        stack.push_async_callback(cache.close)
        configuration = Configuration(services.catalog)
        app.state.door = _door(settings, services.users, stack)
        sequences = Sequences(cache, "sequence")
        live = _live(settings, app.state.door, sequences, stack)
        app.state.edge.on_draining = live.close
        app.state.context = Context(
            settings=settings,
            services=services,
            cache=cache,
            streams=app.state.streams,
            configuration=configuration,
            movies=Movies(services.catalog, configuration),
            recorder=app.state.recorder,
            limits=Limits(cache),
            proxies=Proxies(settings.trusted_proxies),
            sequences=sequences,
            preferences=Sequences(cache, "preferences"),
            live=live,
        )
        app.state.recorder.start()
        stack.push_async_callback(app.state.streams.close)
        stack.push_async_callback(app.state.recorder.stop)
        followers = asyncio.create_task(_follow(app, settings))
        stack.callback(followers.cancel)
        yield


def _door(settings: Settings, stub: Any, stack: AsyncExitStack) -> Door:
    client = redis.Redis.from_url(settings.redis_streams_url)
    revocations = Revocations(
        client,
        types={users_events.SessionRevoked.DESCRIPTOR.full_name},
        access={users_events.UserAccessChanged.DESCRIPTOR.full_name: _lets_in},
    )
    revocations.start()
    stack.callback(client.close)
    stack.callback(revocations.stop)
    return Door(Keys(stub), revocations, settings.internal_key.get_secret_value())


def _lets_in(event: Event) -> bool:
    """Whether a changed account may still be used."""
    return users_events.UserAccessChanged.FromString(event.payload).status != "disabled"


def _live(settings: Settings, door: Door, sequences: Sequences, stack: AsyncExitStack) -> Live:
    client = redis.asyncio.Redis.from_url(settings.redis_streams_url)
    stack.push_async_callback(client.aclose)
    tail = AsyncTail(client, STREAMS, since_seconds=HELD_SECONDS)
    live = Live(
        tail,
        has_ended=door.has_ended,
        limit=settings.live_streams,
        imported=sequences.saw,
    )
    stack.callback(asyncio.create_task(live.run()).cancel)
    stack.callback(live.close)
    return live


async def _follow(app: FastAPI, settings: Settings) -> None:
    """Drop from the caches what events say has changed."""
    client = redis.asyncio.Redis.from_url(settings.redis_streams_url)
    tail = AsyncTail(client, _FOLLOWED)
    try:
        await tail.run(lambda event: _changed(app, event))
    finally:
        await client.aclose()


def _changed(app: FastAPI, event: Event) -> None:
    here: Context = app.state.context
    if event.type.startswith("marquee.catalog."):
        app.state.ready.clear()
        here.pages.clear()
    if event.type == catalog_events.MoviesChanged.DESCRIPTOR.full_name:
        changed = catalog_events.MoviesChanged.FromString(event.payload)
        here.movies.drop(movie.movie_id for movie in changed.movies)
    elif event.type == catalog_events.MoviesRemoved.DESCRIPTOR.full_name:
        here.movies.drop(catalog_events.MoviesRemoved.FromString(event.payload).movie_ids)
    elif event.type == catalog_events.GenresChanged.DESCRIPTOR.full_name:
        # With the genres, what the source says of its images was stored.
        here.configuration.forget()
        here.movies.clear()
        here.genres.clear()
    elif event.type == users_events.PreferencesChanged.DESCRIPTOR.full_name:
        changed_preferences = users_events.PreferencesChanged.FromString(event.payload)
        here.forget_language(changed_preferences.user_id)
        here.preferences.heard(UUID(changed_preferences.user_id), changed_preferences.version)
    elif event.type == recommender_events.ModelPromoted.DESCRIPTOR.full_name:
        here.pages.clear()
    else:
        _heard(here, event)


def _heard(here: Context, event: Event) -> None:
    """What people did elsewhere than through this gateway counts for them as well."""
    if event.type == interactions_events.RatingsImported.DESCRIPTOR.full_name:
        for rated in interactions_events.RatingsImported.FromString(event.payload).ratings:
            here.sequences.heard(UUID(rated.user_id), rated.sequence)
    elif event.type.startswith("marquee.interactions.") and event.aggregate_id.count(":") == 2:
        here.sequences.heard(UUID(event.aggregate_id.partition(":")[0]), event.aggregate_version)


async def _health() -> Response:
    """The process lives."""
    return answer({"status": "ok"})


async def _readiness(request: Request) -> Response:
    """Whether requests can be answered, and what is missing when not."""
    missing = await _missing(request)
    if request.app.state.edge.draining:
        missing.append("draining")
    status = 503 if missing else 200
    word = "unavailable" if missing else "ok"
    return answer({"status": word, "missing": missing}, status=status)


async def _missing(request: Request) -> list[str]:
    """Services without which hardly anything can be answered."""
    services = context.of(request).services
    try:
        await services.catalog.GetConfiguration(catalog_pb2.GetConfigurationRequest(), timeout=1.0)
    except Refusal:
        return ["catalog"]
    return []


async def _openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return answer(documents.openapi(request.app))


async def _docs() -> Response:
    """Interactive documentation."""
    return get_swagger_ui_html(openapi_url="/api/openapi.json", title="Marquee API")
