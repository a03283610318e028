"""What the sync works with; `catalog sync` loads this and no server."""

import gc

import redis

from catalog.jobs import Sync
from catalog.settings import Settings
from catalog.tmdb.budget import RateBudget
from catalog.tmdb.client import Access
from chassis.database import Database, connect

NAME = "catalog"
_CACHE_TIMEOUT_SECONDS = 1.0
_COLLECTED_AFTER = 100_000
# To compare every word of search with a misspelt one costs tens of milliseconds; PostgreSQL takes
# it for cheaper than its index, whose pages it believes to lie on a disk that turns.
_PLANNER = {"random_page_cost": 1.1}


def sync_context(settings: Settings) -> Sync:
    """What the stages of the sync work with."""
    # A batch is some hundred thousand small objects without cycles: to search them for cycles
    # at every seven hundredth took an eighth of the sync.
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    return Sync(
        database=database_of(settings),
        cache=cache_of(settings),
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


def database_of(settings: Settings) -> Database:
    """Where everything is kept."""
    return connect(
        settings.database_url,
        pool_size=settings.database_pool_size,
        application_name=NAME,
        parameters=_PLANNER,
    )


def cache_of(settings: Settings) -> redis.Redis:
    """Where lists are found a little sooner."""
    return redis_of(settings.redis_cache_url, _CACHE_TIMEOUT_SECONDS)


def redis_of(url: str, timeout_seconds: float) -> redis.Redis:
    """One that hangs must not hang us."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds
    )
