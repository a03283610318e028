"""The change log when clocks, caches and page counts are wrong."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

from catalog_asking import FIRST, SIZE
from catalog_serving import Handler, serving

from chassis.database import connect
from chassis.errors import Unavailable

MARK = "select value from sync_watermark where name = 'delta'"
WAITING = """select movie_id from sync_item where changed_at is not null and state = 'pending'
order by movie_id"""


def advance(syncing, standin, **time):
    syncing.now += timedelta(**time)
    standin.put("/_clock", {"now": syncing.now.isoformat()})


@contextmanager
def changes(at, page_of: Callable[[int], object], age: int = 0) -> Iterator[str]:
    """A server whose change log holds these pages, at a moment; it has no movies to show."""

    class Answers(Handler):
        def do_GET(self):
            page = re.search(r"&page=(\d+)", self.path)
            told = json.dumps(page_of(int(page[1]) if page else 1)).encode()
            said = {"Date": format_datetime(at, usegmt=True), "Age": str(age) if page else "0"}
            self.tell(told, 200 if "/movie/changes" in self.path else 503, **said)

    with serving(Answers) as url:
        yield url


def changed_in(syncing, page_of, age: int = 0) -> list[int]:
    """The movies that wait after a delta over these pages."""
    with changes(syncing.now, page_of, age) as url:
        access = replace(syncing.context.access, base_url=url, attempts=1)
        context, syncing.context = syncing.context, replace(syncing.context, access=access)
        with suppress(Unavailable):  # there are no movies to be had
            syncing.run("delta")
        syncing.context = context
    return syncing.values(WAITING)


def test_a_clock_that_is_ahead_closes_no_day_that_tmdb_is_still_in(synced, standin):
    synced.now += timedelta(days=3)
    synced.run("delta")
    assert synced.values(MARK) == ["2026-02-28"]
    synced.now -= timedelta(days=3)
    advance(synced, standin, hours=2)
    standin.edit(FIRST + 6)
    advance(synced, standin, days=3)
    synced.run("delta")
    (row,) = synced.rows("select runtime_minutes from movie where tmdb_id = :id", id=FIRST + 6)
    assert row["runtime_minutes"] == standin.movie(FIRST + 6)["runtime"]
    assert synced.values("select version > 1 from movie where tmdb_id = :id", id=FIRST + 6) == [
        True
    ]


def test_an_edit_of_the_day_a_movie_was_fetched_on_arrives_with_the_next_delta(synced, standin):
    advance(synced, standin, hours=1)
    standin.edit(FIRST + 9)
    advance(synced, standin, seconds=1)
    assert synced.run("delta")["done_count"] > 0
    assert is_as_at_the_source(synced, standin, FIRST + 9)
    assert synced.run("delta")["done_count"] == 0


def test_a_movie_edited_again_on_a_day_is_fetched_again_within_the_hour(synced, standin):
    advance(synced, standin, hours=1)
    standin.edit(FIRST + 9)
    advance(synced, standin, seconds=1)
    synced.run("delta")
    standin.edit(FIRST + 9)
    advance(synced, standin, seconds=3 * synced.settings.sync_settle_seconds - 10)
    assert synced.run("delta")["done_count"] == 0
    advance(synced, standin, seconds=20)
    synced.run("delta")
    assert is_as_at_the_source(synced, standin, FIRST + 9)
    assert synced.run("delta")["done_count"] == 0


def test_a_movie_edited_on_two_days_running_arrives_with_the_next_delta_on_both(synced, standin):
    advance(synced, standin, hours=1)
    standin.edit(FIRST + 9)
    advance(synced, standin, seconds=1)
    synced.run("delta")
    advance(synced, standin, days=1)
    synced.run("delta")
    assert synced.values(MARK) == ["2026-03-01"]
    standin.edit(FIRST + 9)
    advance(synced, standin, seconds=1)
    assert synced.run("delta")["done_count"] == 1
    assert is_as_at_the_source(synced, standin, FIRST + 9)
    assert synced.run("delta")["done_count"] == 0


def is_as_at_the_source(synced, standin, movie_id):
    (row,) = synced.rows("select * from movie where tmdb_id = :id", id=movie_id)
    source = standin.movie(movie_id)
    return (row["runtime_minutes"], row["overview"]) == (source["runtime"], source["overview"])


def test_a_day_is_not_closed_by_pages_older_than_its_end(synced, standin):
    advance(synced, standin, hours=13)
    standin.faults(stale_rate=1.0, stale_seconds=6 * 3600)
    synced.run("delta")
    assert synced.values(MARK) == ["2026-02-28"]
    standin.faults()
    synced.run("delta")
    assert synced.values(MARK) == ["2026-03-01"]


def test_a_clock_that_is_a_year_ahead_makes_nobody_look_at_everything_again(synced):
    synced.now += timedelta(days=365)
    run = synced.run("delta")
    assert run["requests_count"] < 10
    assert synced.values(MARK) == ["2026-02-28"]


def test_after_a_gap_that_the_change_log_does_not_cover_all_is_looked_at_again(synced, standin):
    advance(synced, standin, days=20)
    run = synced.run("delta")
    assert run["done_count"] == 150
    assert synced.values(MARK) == ["2026-03-20"]
    assert synced.run("delta")["done_count"] == 0


def test_after_such_a_gap_all_is_looked_at_once_though_yesterday_is_not_closed_yet(synced, standin):
    advance(synced, standin, days=20, hours=13)
    nothing = {"results": [], "total_pages": 1}
    assert len(changed_in(synced, lambda _: nothing, age=6 * 3600)) == 150
    assert synced.values(MARK) == ["2026-03-21"]
    assert synced.run("delta")["done_count"] == 150
    advance(synced, standin, hours=1)
    assert synced.run("delta")["done_count"] == 0


def test_to_mark_the_whole_queue_may_take_longer_than_other_statements(synced, standin):
    hurried = connect(
        synced.settings.database_url,
        application_name="test",
        parameters={"statement_timeout": 1000},
    )
    patient, nothing = synced.context.database, {"results": [], "total_pages": 1}
    with patient.begin() as connection:
        connection.exec_driver_sql(
            "create function tarry() returns trigger language plpgsql as $$ begin"
            " perform pg_sleep(1.5); return null; end $$"
        )
        connection.exec_driver_sql(
            "create trigger tarries after update on sync_item for each row"
            f" when (old.state = 'done' and new.movie_id = {FIRST}) execute function tarry()"
        )
    advance(synced, standin, days=20)
    synced.context = replace(synced.context, database=hurried)
    assert len(changed_in(synced, lambda _: nothing)) == SIZE
    synced.context = replace(synced.context, database=patient)
    hurried.dispose()
    with patient.begin() as connection:
        connection.exec_driver_sql("drop function tarry cascade")


def test_a_movie_that_was_put_away_is_looked_at_again_once_it_is_edited(synced, standin):
    standin.faults(corrupt_ids=[FIRST + 8])
    synced.run("movies", movie_ids=[FIRST + 8])
    state = "select state from sync_item where movie_id = :id"
    advance(synced, standin, hours=2)
    standin.edit(FIRST + 8)
    advance(synced, standin, days=1)
    synced.run("delta")
    assert synced.values(state, id=FIRST + 8) == ["quarantined"]  # since the edit: once is enough
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update quarantine set quarantined_at = '2026-02-01'")
    synced.run("delta")
    assert synced.values("select attempts from quarantine") == [2]
    standin.faults()
    advance(synced, standin, days=1)
    standin.edit(FIRST + 8)
    advance(synced, standin, seconds=1)
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update quarantine set quarantined_at = '2026-02-01'")
    synced.run("delta")
    assert synced.values(state, id=FIRST + 8) == ["done"]
    assert synced.values("select state from quarantine") == ["resolved"]


def test_a_watermark_in_the_future_does_not_stop_the_delta(synced, standin):
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(
            "update sync_watermark set value = '2027-03-01' where name = 'delta'"
        )
    advance(synced, standin, days=1)
    standin.edit(FIRST + 7)
    synced.run("delta")
    assert synced.values("select version > 1 from movie where tmdb_id = :id", id=FIRST + 7) == [
        True
    ]
    assert synced.values(MARK) == ["2026-03-01"]


def test_pages_are_read_to_the_last_that_any_of_them_tells_of(syncing):
    def page_of(page):
        told = {1: 5, 2: None, 3: 1}.get(page, 5)
        return {"results": [{"id": page, "adult": False}], "total_pages": told}

    assert changed_in(syncing, page_of) == [1, 2, 3, 4, 5]


def test_where_there_are_more_edits_than_can_be_asked_for_all_is_looked_at_again(synced):
    everything = synced.values("select movie_id from sync_item order by movie_id")

    def page_of(page):
        return {"results": [{"id": FIRST + 1, "adult": False}], "total_pages": 501}

    synced.now += timedelta(days=1)
    assert changed_in(synced, page_of) == everything
