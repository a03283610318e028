"""The stages of the sync, each of which can be cut off anywhere and simply run again."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TypeGuard, TypeVar

import redis
import structlog

from catalog.domain import ALL_STAGES, FEATURED_LISTS, MOVIES_STAGE, STAGES
from catalog.jobs.draining import drain
from catalog.jobs.fetching import Fetcher, fetching
from catalog.jobs.running import Run, Stage, Sync, patiently
from catalog.operations import listing
from catalog.store import census as censuses
from catalog.store import items
from catalog.tmdb.errors import ExportUnusable
from catalog.tmdb.export import census_lines
from catalog.tmdb.parsing import json_body, parsed
from catalog.tmdb.shapes import (
    CHANGES_PAGE,
    CONFIGURATION,
    GENRE_LIST,
    LARGEST,
    LIST_PAGE,
)

Part = TypeVar("Part")

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
_CHANGES = "/movie/changes"
_PAGES_LIMIT = 500
_SHRINKAGE_ALLOWED = 0.01
_CENSUS_SECONDS = 900
_LONGEST_GAP_DAYS = 14
_DELTA = "delta"
_CENSUS_COUNT = "census_count"

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
    loop = asyncio.new_event_loop()
    try:
        with sync.database.begin(statement_timeout_seconds=_CENSUS_SECONDS) as connection:
            censuses.begin(connection)
            for kind in kinds:
                today = sync.now().date()
                for lines in _collected(loop, census_lines(sync.export_url, kind, today)):
                    rows = [(one.id, one.adult or False, one.popularity or 0.0) for one in lines]
                    censuses.append(connection, rows)
                    run.tell(run)
            counted = censuses.complete(connection)
            _refuse_shrinkage(items.watermark(connection, sync.source, _CENSUS_COUNT), counted)
            found = censuses.settle(connection, sync.source)
            items.set_watermark(connection, sync.source, _CENSUS_COUNT, str(counted))
            if items.watermark(connection, sync.source, _DELTA) is None:
                # The backfill brings all as it is now: the change log matters from yesterday on.
                yesterday = sync.now().date() - timedelta(days=1)
                items.set_watermark(connection, sync.source, _DELTA, yesterday.isoformat())
            changed = found.new_count + found.missing_count
            run.add(connection, done=counted, changed=changed, remaining=0)
    finally:
        loop.close()
    run.tell(run)


def _collected(loop: asyncio.AbstractEventLoop, stream: AsyncIterator[Part]) -> Iterator[Part]:
    """An asynchronous stream read from outside of its loop."""
    while True:
        try:
            yield loop.run_until_complete(anext(stream))
        except StopAsyncIteration:
            return


def _refuse_shrinkage(before: str | None, counted: int) -> None:
    if not counted:
        raise ExportUnusable("the census names no movie: not believed")
    if before is not None and counted < int(before) * (1 - _SHRINKAGE_ALLOWED):
        raise ExportUnusable(
            f"the census shrank from {before} to {counted} movies, by more than 1%: not believed"
        )


def backfill(sync: Sync, run: Run) -> None:
    """Every movie that waits, the most popular first; the long tail in the order of ids."""
    drain(sync, run, items.Wanted("pending", run.began_at))


def movies(sync: Sync, run: Run) -> None:
    """Only the movies that were named."""
    movie_ids = tuple(run.parameters["movie_ids"])
    with sync.database.begin() as connection:
        items.request(connection, sync.source, movie_ids)
    drain(sync, run, items.Wanted("named", run.began_at, movie_ids=movie_ids))


def refresh(sync: Sync, run: Run) -> None:
    """The oldest, so that votes move and nothing is kept longer than TMDb's terms allow."""
    days = run.parameters.get("older_than_days", sync.refresh_after_days)
    limit = None if "older_than_days" in run.parameters else sync.refresh_limit
    before = sync.now() - timedelta(days=days)
    drain(sync, run, items.Wanted("old", run.began_at, before=before), limit)


def delta(sync: Sync, run: Run) -> None:
    """What was edited: closed day windows since the watermark and one more, then the open day.

    The watermark moves with the last page of its day. An edit of the open day is fetched once
    now, and again when the day has closed if it may have been edited after that.
    """
    with fetching(sync, run) as fetcher:
        day, today = _first_and_last_day(sync, fetcher)
        while day <= today and _walk_day(sync, run, fetcher, day, past=day < today):
            day += timedelta(days=1)
    drain(sync, run, items.Wanted("changed", run.began_at))


def _first_and_last_day(sync: Sync, fetcher: Fetcher) -> tuple[date, date]:
    now = sync.now()
    with sync.database.begin() as connection:
        mark = items.watermark(connection, sync.source, _DELTA)
    yesterday = now.date() - timedelta(days=1)
    marked = date.fromisoformat(mark) if mark else yesterday
    if (now.date() - marked).days <= _LONGEST_GAP_DAYS:
        # A watermark in the future was set by a clock that was ahead.
        return min(marked, yesterday), now.date()
    # Or it is our clock that is ahead: TMDb's knows better.
    now = min(now, fetcher.get_dated(partial(parsed, CHANGES_PAGE), _CHANGES)[1])
    if (now.date() - marked).days > _LONGEST_GAP_DAYS:
        # The change log does not reach back that far: look at everything again.
        with sync.database.begin() as connection:
            items.mark_all_changed(connection, sync.source, now)
        marked = now.date() - timedelta(days=1)
    return marked, now.date()


def _walk_day(sync: Sync, run: Run, fetcher: Fetcher, day: date, *, past: bool) -> bool:
    """All edits of a day; whether it is closed: past for TMDb as well, and for the caches before
    it."""
    start = datetime.combine(day, time.min, UTC)
    end = start + timedelta(days=1)
    # Whether TMDb counts the last day in is nowhere said: ask for one more where there is one.
    query = {"start_date": day.isoformat(), "end_date": (end if past else start).date().isoformat()}
    page, pages, found, closed, changed = 1, 1, True, past, dict[int, bool]()
    while page <= min(pages, _PAGES_LIMIT):
        asked = {**query, "page": str(page)}
        answer, as_of = fetcher.get_dated(partial(parsed, CHANGES_PAGE), _CHANGES, asked)
        run.tell(run)
        for one in answer.results:
            if _is_id(movie_id := one.id):
                changed[movie_id] = bool(one.adult)
        closed = closed and as_of >= end
        found = bool(answer.results)
        # One that says less than another comes from an older cache, or does not know.
        page, pages = page + 1, max(pages, answer.total_pages or 1)
    at = end if closed else start

    def mark() -> None:
        with sync.database.begin() as connection:
            items.mark_changed(connection, sync.source, sorted(changed.items()), at)
            if found and pages > _PAGES_LIMIT:
                # There may be more than can be asked for.
                items.mark_all_changed(connection, sync.source, at)
            if closed:
                items.set_watermark(connection, sync.source, _DELTA, day.isoformat())
            run.add(connection, requests=fetcher.new_requests())

    patiently(run, mark)
    run.tell(run)
    return closed


def lists(sync: Sync, run: Run) -> None:
    """Trending, popular, top rated, now playing and upcoming; also the seed of their cache."""
    with fetching(sync, run) as fetcher:
        for number, name in enumerate(FEATURED_LISTS, 1):
            found = _listed(sync, run, fetcher, _LIST_PATHS[name])
            with sync.database.begin() as connection:
                changed = listing.store_list(connection, sync.source, name, found, sync.now())
                run.add(
                    connection,
                    done=len(found),
                    changed=int(changed),
                    requests=fetcher.new_requests(),
                    remaining=len(FEATURED_LISTS) - number,
                )
            _forget_cached(sync, name)
            run.tell(run)


def _forget_cached(sync: Sync, name: str) -> None:
    try:
        sync.cache.delete(listing.cache_key(name))
    except redis.RedisError as error:
        log.warning("a list stays cached for a while", list=name, error=str(error))


def _listed(sync: Sync, run: Run, fetcher: Fetcher, path: str) -> list[tuple[int, bool, float]]:
    """Entries of a list, each once: pages shift while they are read, and repeat some."""
    found: dict[int, tuple[int, bool, float]] = {}
    page, pages = 1, 1
    while page <= min(pages, sync.list_pages, _PAGES_LIMIT):
        answer = fetcher.get(partial(parsed, LIST_PAGE), path, {"page": str(page)})
        for one in answer.results:
            if _is_id(movie_id := one.id):
                entry = (movie_id, bool(one.adult), one.popularity or 0.0)
                found.setdefault(movie_id, entry)
        run.tell(run)
        page, pages = page + 1, max(pages, answer.total_pages or 1)
    return list(found.values())


def _is_id(value: int | None) -> TypeGuard[int]:
    """Null has been seen among changes; an entry without an id names nothing."""
    return value is not None and 0 < value <= LARGEST


def everything(sync: Sync, run: Run) -> None:
    """All stages but the refresh, in the order that fills an empty catalogue fastest."""
    for name in STAGES:
        if name != "refresh":
            run.stage_now = name
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
