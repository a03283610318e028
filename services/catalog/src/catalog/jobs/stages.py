"""The stages of the sync, each of which can be cut off anywhere and simply run again."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import chain

import redis
import structlog
from sqlalchemy.engine import Connection

from catalog.domain.movies import FEATURED_LISTS
from catalog.domain.sync import ALL_STAGES, MOVIES_STAGE, STAGES
from catalog.jobs.delta import WATERMARK, delta
from catalog.jobs.draining import drain
from catalog.jobs.fetching import Fetcher, fetching
from catalog.jobs.running import QUEUE_SECONDS, Run, Stage, Sync, held, patiently
from catalog.operations import listing
from catalog.store import batches, items, quarantines, runs
from catalog.store import census as censuses
from catalog.tmdb.errors import ExportUnusable
from catalog.tmdb.export import Export, newest_export
from catalog.tmdb.parsing import PARSER_VERSION, json_body, parsed
from catalog.tmdb.shapes import (
    CONFIGURATION,
    GENRE_LIST,
    LIST_PAGE,
    PAGES_LIMIT,
    is_id,
)

_REFERENCE_PATHS = {
    "configuration": "/configuration",
    "languages": "/configuration/languages",
    "countries": "/configuration/countries",
    "certifications": "/certification/movie/list",
}
_LIST_PATHS = {
    "trending_day": "/trending/movie/day",
    "trending_week": "/trending/movie/week",
    "popular": "/movie/popular",
    "top_rated": "/movie/top_rated",
    "now_playing": "/movie/now_playing",
    "upcoming": "/movie/upcoming",
}
_SHRINKAGE_ALLOWED = 0.01
_CENSUS_COUNT, _CENSUS_COUNT_WITHOUT_ADULT = "census_count", "census_count_without_adult"

log = structlog.get_logger()


def reference(sync: Sync, run: Run) -> None:
    """Genres in every language, configuration, languages, countries, certifications."""
    with fetching(sync, run) as fetcher:
        genres = {
            language: {
                genre.id: genre.name or ""
                for genre in fetcher.get(
                    partial(parsed, GENRE_LIST), "/genre/movie/list", {"language": language}
                ).genres
            }
            for language in ("en", *sync.languages)
        }
        bodies = {name: fetcher.get(json_body, path) for name, path in _REFERENCE_PATHS.items()}
        parsed(CONFIGURATION, bodies["configuration"])
        with sync.database.begin() as connection:
            changed = listing.store_reference(connection, sync.source, genres, bodies, sync.now())
            run.add(
                connection,
                done=len(genres) + len(bodies),
                changed=changed,
                requests=fetcher.new_requests(),
                remaining=0,
            )
    run.tell(run)


def census(sync: Sync, run: Run) -> None:
    """Every movie there is, by the daily export: new ones are queued, missing ones verified."""
    kinds = ("movie", "adult_movie") if sync.adult_export else ("movie",)
    today, tell = sync.now().date(), partial(run.tell, run)
    with ExitStack() as files:
        # Nothing waits in the transaction for a server elsewhere.
        exports = [
            files.enter_context(newest_export(sync.export_url, kind, today, tell)) for kind in kinds
        ]
        patiently(run, partial(_count, sync, run, exports))
    tell()


def _count(sync: Sync, run: Run, exports: Sequence[Export]) -> None:
    name = _CENSUS_COUNT if sync.adult_export else _CENSUS_COUNT_WITHOUT_ADULT
    with sync.database.begin(statement_timeout_seconds=QUEUE_SECONDS) as connection:
        censuses.begin(connection)
        for lines in chain.from_iterable(export() for export in exports):
            rows = [(one.id, one.adult or False, one.popularity or 0.0) for one in lines]
            censuses.append(connection, rows)
            run.tell(run)
        counted = censuses.complete(connection)
        before = items.watermark(connection, sync.source, name)
        _refuse_shrinkage(before, counted, believed=bool(run.parameters.get("accept_shrinkage")))
        # What was counted so far stays: whoever holds this up costs no second reading.
        found = patiently(run, partial(_settle, sync, connection))
        items.set_watermark(connection, sync.source, name, str(counted))
        if items.watermark(connection, sync.source, WATERMARK) is None:
            # The backfill brings all as it is now: the change log matters from yesterday on.
            yesterday = sync.now().date() - timedelta(days=1)
            items.set_watermark(connection, sync.source, WATERMARK, yesterday.isoformat())
        changed = found.new_count + found.missing_count
        run.add(connection, done=counted, changed=changed, remaining=0)


def _settle(sync: Sync, connection: Connection) -> censuses.Counted:
    with connection.begin_nested():
        return censuses.settle(connection, sync.source, with_adult=sync.adult_export)


def _refuse_shrinkage(before: str | None, counted: int, *, believed: bool) -> None:
    if not counted:
        raise ExportUnusable("the census names no movie: not believed")
    if before is not None and counted < int(before) * (1 - _SHRINKAGE_ALLOWED) and not believed:
        raise ExportUnusable(
            f"the census shrank from {before} to {counted} movies, by more than 1%: not believed;"
            " if it is true: python -m catalog sync census --accept-shrinkage"
        )


def backfill(sync: Sync, run: Run) -> None:
    """Every movie that waits, the most popular first; the long tail in the order of ids."""
    drain(sync, run, items.Wanted("pending", run.began_at))


def movies(sync: Sync, run: Run) -> None:
    """Only the movies that were named."""
    movie_ids = tuple(run.parameters["movie_ids"])

    def request() -> None:
        with sync.database.begin() as connection:
            items.request(connection, sync.source, movie_ids)

    patiently(run, request)
    drain(sync, run, items.Wanted("named", run.began_at, movie_ids=movie_ids))


def refresh(sync: Sync, run: Run) -> None:
    """The oldest, so that votes move and nothing is kept longer than TMDb's terms allow; what was
    put away is left to the backfill, and of movies that are gone little more than titles stays."""
    days = run.parameters.get("older_than_days", sync.refresh_after_days)
    limit = None if "older_than_days" in run.parameters else sync.refresh_limit
    before = sync.now() - timedelta(days=days)
    patiently(run, partial(_forget_old, sync))
    drain(sync, run, items.Wanted("old", run.began_at, before=before), limit)


def _forget_old(sync: Sync) -> None:
    """However young the movies are that a run was asked to fetch again."""
    before = sync.now() - timedelta(days=sync.refresh_after_days)
    with sync.database.begin() as connection:
        batches.strip_removed(connection, sync.source, before)
        quarantines.forget_bodies(connection, sync.source, before)
        items.request_refused(connection, sync.source, before, PARSER_VERSION)
        runs.forget_old(connection)


def lists(sync: Sync, run: Run) -> None:
    """Trending, popular, top rated, now playing and upcoming; also the seed of their cache."""
    with fetching(sync, run) as fetcher:
        for number, name in enumerate(FEATURED_LISTS, 1):
            found = _listed(sync, run, fetcher, _LIST_PATHS[name])
            counts = {
                "done": len(found),
                "requests": fetcher.new_requests(),
                "remaining": len(FEATURED_LISTS) - number,
            }
            patiently(run, partial(_store_list, sync, run, name, found, counts))
            _forget_cached(sync, name)
            run.tell(run)


def _store_list(
    sync: Sync,
    run: Run,
    name: str,
    found: Sequence[tuple[int, bool, float]],
    counts: Mapping[str, int],
) -> None:
    with sync.database.begin() as connection:
        changed = listing.store_list(connection, sync.source, name, found, sync.now())
        run.add(connection, changed=int(changed), **counts)


def _forget_cached(sync: Sync, name: str) -> None:
    try:
        sync.cache.delete(listing.cache_key(name))
    except redis.RedisError as error:
        log.warning("a list stays cached for a while", list=name, error=str(error))


def _listed(sync: Sync, run: Run, fetcher: Fetcher, path: str) -> list[tuple[int, bool, float]]:
    """Entries of a list, each once: pages shift while they are read, and repeat some."""
    found: dict[int, tuple[int, bool, float]] = {}
    page, pages = 1, 1
    while page <= min(pages, sync.list_pages, PAGES_LIMIT):
        answer = fetcher.get(partial(parsed, LIST_PAGE), path, {"page": str(page)})
        for one in answer.results:
            if is_id(movie_id := one.id):
                entry = (movie_id, bool(one.adult), one.popularity or 0.0)
                found.setdefault(movie_id, entry)
        run.tell(run)
        page, pages = page + 1, max(pages, answer.total_pages or 1)
    return list(found.values())


def everything(sync: Sync, run: Run) -> None:
    """All stages but the refresh, in the order that fills an empty catalogue fastest."""
    for name in STAGES:
        if name != "refresh":
            run.stage_now = name
            with held(sync, run, name, wait=True):
                BY_NAME[name](sync, run)


BY_NAME: Mapping[str, Stage] = {
    "reference": reference,
    "census": census,
    "lists": lists,
    "backfill": backfill,
    "delta": delta,
    "refresh": refresh,
    MOVIES_STAGE: movies,
    ALL_STAGES: everything,
}
