"""The delta: what TMDb's change log tells, day by day."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from sqlalchemy.engine import Connection

from catalog.domain.sync import Edited
from catalog.jobs.draining import drain
from catalog.jobs.fetching import Fetcher, fetching
from catalog.jobs.running import QUEUE_SECONDS, Run, Sync, patiently
from catalog.store import batches, items
from catalog.tmdb.parsing import parsed
from catalog.tmdb.shapes import CHANGES_PAGE, PAGES_LIMIT, is_id

WATERMARK = "delta"
_CHANGES = "/movie/changes"
_LONGEST_GAP_DAYS = 14
_AGAIN = 3
"""In times of what a cache needs to forget. The log names 7,000 movies a day: by its end, about two
requests a second, and six where caches answer with what is hours old."""


def delta(sync: Sync, run: Run) -> None:
    """What was edited: closed day windows since the watermark and one more, then the open day.

    The watermark moves with the last page of its day. A movie of the open day is fetched when its
    log first names it, again when what we have has grown old, for it may have been edited again,
    and once more when the day has closed.
    """
    with fetching(sync, run) as fetcher:
        day, today = _first_and_last_day(sync, run, fetcher)
        while day <= today and _walk_day(sync, run, fetcher, day, past=day < today):
            day += timedelta(days=1)
    drain(sync, run, items.Wanted("changed", run.began_at))


def _first_and_last_day(sync: Sync, run: Run, fetcher: Fetcher) -> tuple[date, date]:
    now = sync.now()
    with sync.database.begin() as connection:
        mark = items.watermark(connection, sync.source, WATERMARK)
    yesterday = now.date() - timedelta(days=1)
    marked = date.fromisoformat(mark) if mark else yesterday
    if (now.date() - marked).days <= _LONGEST_GAP_DAYS:
        # A watermark in the future was set by a clock that was ahead.
        return min(marked, yesterday), now.date()
    # Or it is our clock that is ahead: TMDb's knows better.
    now = min(now, fetcher.get_dated(partial(parsed, CHANGES_PAGE), _CHANGES)[1])
    if (now.date() - marked).days > _LONGEST_GAP_DAYS:
        # The change log does not reach back that far: look at all we have again.
        marked = now.date() - timedelta(days=1)
        patiently(run, partial(_restart, sync, now, marked))
    return marked, now.date()


def _restart(sync: Sync, at: datetime, marked: date) -> None:
    with _marking(sync) as connection:
        items.mark_all_changed(connection, sync.source, at)
        items.set_watermark(connection, sync.source, WATERMARK, marked.isoformat())


@contextmanager
def _marking(sync: Sync) -> Generator[Connection, None, None]:
    """A transaction that may change the whole queue. It waits for the movies' writer before it
    holds any of the queue, as all do that hold both: else they would wait for each other."""
    with sync.database.begin(statement_timeout_seconds=QUEUE_SECONDS) as connection:
        batches.take_writers_turn(connection)
        yield connection


def _walk_day(sync: Sync, run: Run, fetcher: Fetcher, day: date, *, past: bool) -> bool:
    """All edits of a day; whether it is closed: past for TMDb as well, and for the caches before
    it."""
    start = datetime.combine(day, time.min, UTC)
    end = start + timedelta(days=1)
    # Whether TMDb counts the last day in is nowhere said: ask for one more where there is one.
    query = {"start_date": day.isoformat(), "end_date": (end if past else start).date().isoformat()}
    page, pages, found, closed, changed = 1, 1, True, past, dict[int, bool]()
    seen = end
    while page <= min(pages, PAGES_LIMIT):
        asked = {**query, "page": str(page)}
        answer, as_of = fetcher.get_dated(partial(parsed, CHANGES_PAGE), _CHANGES, asked)
        run.tell(run)
        for one in answer.results:
            if is_id(movie_id := one.id):
                changed[movie_id] = bool(one.adult)
        closed, seen = closed and as_of >= end, min(seen, as_of)
        found = bool(answer.results)
        # One that says less than another comes from an older cache, or does not know.
        page, pages = page + 1, max(pages, answer.total_pages or 1)
    # What is fetched in the second of the log is as true as it.
    seen -= timedelta(seconds=1)
    again = _AGAIN * sync.settle_seconds
    # What the day before left when it closed is this one's start, and was not queued for it.
    begun = start + timedelta.resolution
    edited = Edited(end, end) if closed else Edited(begun, seen, again)
    requests = fetcher.new_requests()

    def mark() -> None:
        with _marking(sync) as connection:
            items.mark_changed(connection, sync.source, sorted(changed.items()), edited)
            if found and pages > PAGES_LIMIT:
                # There may be more than can be asked for.
                items.mark_all_changed(connection, sync.source, edited.since)
            if closed:
                items.set_watermark(connection, sync.source, WATERMARK, day.isoformat())
            run.add(connection, requests=requests)

    patiently(run, mark)
    run.tell(run)
    return closed
