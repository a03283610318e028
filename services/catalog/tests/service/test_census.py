"""Exports whose lines are all right and whose whole is not."""

import gzip
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from catalog_asking import SIZE
from catalog_serving import Handler, serving
from structlog.testing import capture_logs

from catalog import commands
from catalog.store import batches, items
from catalog.tmdb.errors import ExportUnusable
from chassis.database import connect, uuid7
from chassis.errors import Unavailable
from chassis.testing import eventually


def lines_of(*movie_ids: int, adult: bool = False) -> bytes:
    told = '{"adult":%s,"id":%d,"popularity":1.5}\n'
    return "".join(told % (str(adult).lower(), number) for number in movie_ids).encode()


@contextmanager
def exported(movies: bytes, adults: bytes = b"", status: int = 200) -> Iterator[str]:
    """A server whose exports of any day hold these lines."""

    class Answers(Handler):
        def do_GET(self):
            lines = adults if "/adult_movie_ids_" in self.path else movies
            self.tell(gzip.compress(lines), status)

    with serving(Answers) as url:
        yield url


def census_of(syncing, *told, **others):
    with exported(*told, **others) as url:
        syncing.context = replace(syncing.context, export_url=url)
        return syncing.run("census")


def test_a_movie_that_an_export_names_twice_is_one_and_the_last_line_counts(syncing):
    many = range(1, 30_001)  # far enough apart to come in different pieces
    run = census_of(syncing, lines_of(*many, 5), lines_of(7, adult=True))
    assert (run["state"], run["done_count"]) == ("done", 30_000)
    assert syncing.values("select count(*) from sync_item") == [30_000]
    assert syncing.values("select movie_id from sync_item where adult") == [7]
    assert syncing.values("select value from sync_watermark where name = 'census_count'") == [
        "30000"
    ]


def test_an_export_without_a_movie_is_not_believed_the_first_time_either(syncing):
    with pytest.raises(ExportUnusable, match="names no movie"):
        census_of(syncing, b"")
    assert syncing.values("select count(*) from sync_watermark") == [0]


def test_a_census_that_meets_a_server_in_trouble_is_tried_again(syncing):
    with pytest.raises(Unavailable):
        census_of(syncing, lines_of(1), status=503)
    assert "answered 503; will be tried again" in syncing.last["error"]


def test_no_transaction_waits_for_the_server_of_exports(syncing):
    open_meanwhile = []

    class Looks(Handler):
        def do_GET(self):
            open_meanwhile.extend(
                syncing.values(
                    "select query from pg_stat_activity where datname = current_database()"
                    " and state like 'idle in transaction%' and pid <> pg_backend_pid()"
                )
            )
            self.tell(gzip.compress(lines_of(1)))

    with serving(Looks) as url:
        syncing.context = replace(syncing.context, export_url=url)
        assert syncing.run("census")["done_count"] == 1
    assert open_meanwhile == []


def test_a_census_that_finds_no_room_for_its_export_says_so(syncing, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(open, "/dev/full", "w+b"))
    with pytest.raises(Unavailable):
        census_of(syncing, lines_of(1))
    assert syncing.last["error"] == "the disk for temporary files is full; will be tried again"


def test_a_census_that_shrank_is_believed_when_an_operator_says_so(syncing, settings, capsys):
    census_of(syncing, lines_of(*range(1, 201)))
    with exported(lines_of(*range(1, 101))) as url:
        syncing.context = replace(syncing.context, export_url=url)
        with pytest.raises(ExportUnusable, match=r"from 200 to 100 .* --accept-shrinkage"):
            syncing.run("census")
        told = settings.model_copy(update={"tmdb_export_url": url})
        assert commands.sync(told, ["census", "--accept-shrinkage"]) == 0
        assert syncing.run("census")["state"] == "done"
    capsys.readouterr()


def test_without_adult_movies_a_census_is_compared_with_those_that_had_none(syncing):
    census_of(syncing, lines_of(*range(1, 101)), lines_of(*range(101, 201), adult=True))
    syncing.context = replace(syncing.context, adult_export=False)
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql("update sync_item set state = 'done'")
    for _ in range(2):
        assert census_of(syncing, lines_of(*range(1, 101)))["done_count"] == 100
    assert syncing.values("select count(*) from sync_item where missing_count > 0") == [0]
    with pytest.raises(ExportUnusable, match="from 100 to 50 "):
        census_of(syncing, lines_of(*range(1, 51)))


@pytest.mark.parametrize("stage", ["backfill", "refresh"])
def test_a_run_that_begins_during_a_census_takes_what_the_census_holds(synced, stage):
    if stage == "backfill":
        with synced.context.database.begin() as connection:
            connection.exec_driver_sql("update sync_item set state = 'pending'")
    synced.now += timedelta(days=200)
    with synced.context.database.read() as other, ThreadPoolExecutor(1) as pool:
        other.exec_driver_sql("begin")
        batches.take_writers_turn(other)
        other.exec_driver_sql("update sync_item set popularity = popularity + 1")
        run = pool.submit(synced.run, stage)
        leased = "select 1 from sync_lease"
        eventually(lambda: synced.values(leased) or run.done(), within=20)
        other.exec_driver_sql("commit")
        assert run.result(60)["done_count"] == SIZE


def test_a_refresh_goes_on_after_a_census_that_moved_every_movie(synced):
    (since,) = synced.values("select clock_timestamp()")
    census_of(synced, lines_of(*synced.values("select movie_id from sync_item")))
    old = items.Wanted("old", since, before=since + timedelta(days=1))
    with synced.context.database.begin() as connection:
        assert len(items.claim(connection, "standin", uuid7(), old, 500)) == SIZE


def test_a_census_that_is_held_up_counts_no_line_twice(syncing):
    patient, began = syncing.context.database, set()
    impatient = connect(
        syncing.settings.database_url, application_name="test", parameters={"lock_timeout": 100}
    )
    waiting = "select xact_start from pg_stat_activity where wait_event = 'advisory'"

    def was_held_up_twice():
        began.update(syncing.values(waiting))
        return [one["event"] for one in told].count("held up by others who write") > 1

    syncing.context = replace(syncing.context, database=impatient)
    with patient.read() as other, ThreadPoolExecutor(1) as pool, capture_logs() as told:
        other.exec_driver_sql("begin")
        batches.take_writers_turn(other)
        run = pool.submit(census_of, syncing, lines_of(1, 2, 3))
        eventually(was_held_up_twice, within=20)
        other.exec_driver_sql("commit")
        assert run.result(60)["done_count"] == 3
    assert len(began) == 1
    syncing.context = replace(syncing.context, database=patient)
    impatient.dispose()


def test_lines_that_make_no_sense_take_no_memory_and_end_an_export(syncing):
    with pytest.raises(ExportUnusable, match="lines make no sense"):
        census_of(syncing, b"{}\n" * 400_000)
    (broken,) = re.findall(r"(\d+) of", syncing.last["error"])
    assert int(broken) < 250_000


def test_an_export_of_empty_lines_is_read_to_its_end(syncing):
    with pytest.raises(ExportUnusable, match="names no movie"):
        census_of(syncing, b"\n" * 3_000_000)
