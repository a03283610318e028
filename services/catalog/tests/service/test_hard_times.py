"""Trouble that is no record's fault: no token, a slow TMDb, a full disk, others that ask too."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from catalog_asking import FIRST, SIZE
from catalog_serving import Handler, serving
from catalog_world import CONTENT
from sqlalchemy.exc import DataError
from structlog.testing import capture_logs

from catalog import commands
from catalog.jobs import fetching, handlers, run_stage
from catalog.operations import loading
from catalog.store import batches, items, runs
from catalog.tmdb.errors import SourceDenied
from chassis.database import connect, uuid7
from chassis.errors import Unavailable
from chassis.jobs import Worker
from chassis.testing import eventually
from marquee.catalog.v1 import catalog_pb2 as pb

# More than this database may hold of a catalogue, and less than its first batch takes.
DISK_BYTES = 131_072


def worker_of(syncing, access) -> Worker:
    return Worker(
        name="catalog",
        database=syncing.context.database,
        redis_url=syncing.settings.redis_streams_url,
        handlers=handlers(replace(syncing.context, access=access)),
        instance="test",
    )


@pytest.fixture
def small_disk(syncing, tmp_path):
    """A table's worth of disk, really; answers what makes it larger."""
    if not shutil.which("mount") or sys.platform != "linux":
        pytest.skip("no small disk can be made here")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = _mount(folder, f"size={DISK_BYTES}")
    if mounted.returncode:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.strip()}")
    name = f"small_{os.getpid()}"
    (data,) = syncing.values("show data_directory")
    owner = Path(data).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    folder.chmod(0o700)
    try:
        _autocommit(syncing, f"create tablespace {name} location '{folder}'")
        with _moved(syncing, name):
            yield lambda: _mount(folder, "remount,size=64m").check_returncode()
        _autocommit(syncing, f"drop tablespace {name}")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(folder: Path, options: str):
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def _moved(syncing, tablespace):
    """The largest table on another disk for the length of the block."""
    _autocommit(syncing, f"alter table credit set tablespace {tablespace}")
    try:
        yield
    finally:
        _autocommit(syncing, "truncate credit")
        _autocommit(syncing, "alter table credit set tablespace pg_default")


def _autocommit(syncing, statement):
    with syncing.context.database.read() as connection:
        connection.exec_driver_sql(statement)


def forget_content(syncing):
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql(f"truncate {', '.join(CONTENT)}, sync_run, outbox cascade")


def make_due(syncing):
    """As if the time that a job waits before its next try had passed."""
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql("update job set run_after = now()")


@pytest.mark.parametrize("stage", ["reference", "lists", "backfill"])
def test_without_a_token_the_run_says_that_there_is_none(syncing, standin, stage):
    syncing.run("census")
    access = replace(syncing.context.access, token="", api_key="")
    syncing.context = replace(syncing.context, access=access)
    with pytest.raises(SourceDenied):
        syncing.run(stage)
    assert syncing.last["state"] == "failed"
    assert "no token for TMDb" in syncing.last["error"]
    assert "set TMDB_READ_TOKEN or TMDB_API_KEY" in syncing.last["error"]
    assert syncing.values("select count(*) from quarantine") == [0]
    assert syncing.values("select distinct state from sync_item") == ["pending"]


def test_lists_are_stored_while_their_cache_is_gone(syncing):
    nobody = redis.Redis(port=1)
    syncing.context = replace(syncing.context, cache=nobody)
    assert syncing.run("lists")["state"] == "done"
    assert "upcoming" in syncing.values("select list_name from featured_movie")  # the last


def test_the_command_without_a_token_says_that_there_is_none(settings, standin, capsys):
    nothing = type(settings.tmdb_read_token)("")
    unset = settings.model_copy(update={"tmdb_read_token": nothing, "tmdb_api_key": nothing})
    assert commands.sync(unset, ["reference"]) == 1
    assert "set TMDB_READ_TOKEN" in capsys.readouterr().err


def test_a_slow_tmdb_only_takes_longer(syncing, standin):
    syncing.run("census")
    standin.faults(only="/3/movie/", delay_milliseconds=250)
    run = syncing.run("backfill")
    assert (run["state"], run["error"], run["changed_count"]) == ("done", "", SIZE)
    assert run["requests_count"] == SIZE
    assert syncing.values("select count(*) from movie") == [SIZE]


@contextmanager
def held_up(syncing, hold):
    """Until what is done in the block has waited in vain, as an import and a census may."""
    patient = syncing.context.database
    impatient = connect(
        syncing.settings.database_url, application_name="test", parameters={"lock_timeout": 100}
    )
    syncing.context = replace(syncing.context, database=impatient)
    with patient.read() as other, ThreadPoolExecutor(1) as pool:
        other.exec_driver_sql("begin")
        hold(other)
        with capture_logs() as told:
            release = pool.submit(_let_go_once_somebody_gave_up, other, told)
            yield
        release.result()
    syncing.context = replace(syncing.context, database=patient)
    impatient.dispose()


def _let_go_once_somebody_gave_up(other, told):
    gave_up = ("held up by others who write", "nothing written ahead")
    try:
        eventually(lambda: any(one["event"] in gave_up for one in told), within=30)
    finally:
        other.exec_driver_sql("commit")


def hold_the_queue(other):
    other.exec_driver_sql("lock table sync_item in share row exclusive mode")


def hold_claims(other):
    nothing = items.Wanted("named", since=datetime(2026, 1, 1, tzinfo=UTC))
    assert items.claim(other, "standin", uuid7(), nothing, 1) == []


@pytest.mark.parametrize(
    ("stage", "parameters", "hold"),
    [
        ("census", {}, batches.take_writers_turn),
        ("backfill", {}, batches.take_writers_turn),
        ("backfill", {}, hold_claims),
        ("delta", {}, hold_the_queue),
        ("lists", {}, hold_the_queue),
        ("movies", {"movie_ids": [FIRST + 1]}, hold_the_queue),
    ],
)
def test_a_run_waits_for_others_who_write(syncing, standin, stage, parameters, hold):
    syncing.run("census")
    standin.edit(FIRST)
    with held_up(syncing, hold):
        run = syncing.run(stage, **parameters)
    assert (run["state"], run["error"]) == ("done", "")
    assert run["done_count"] > 0


def test_what_movies_share_is_written_before_it_is_their_turn(synced):
    expected = synced.content()
    forget_content(synced)
    synced.run("reference")
    synced.run("census")
    with synced.context.database.read() as other, ThreadPoolExecutor(1) as pool:
        other.exec_driver_sql("begin")
        batches.take_writers_turn(other)
        run = pool.submit(synced.run, "backfill")
        for table in ("person", "keyword", "title_word"):
            eventually(lambda t=table: synced.values(f"select count(*) from {t}")[0], within=20)
        assert synced.values("select count(*) from movie") == [0]
        other.exec_driver_sql("commit")
        assert run.result(60)["done_count"] == SIZE
    assert synced.content() == expected


@pytest.mark.parametrize("table", ["keyword", "person"])
def test_what_could_not_be_written_ahead_is_written_in_turn(synced, table):
    expected = synced.content()
    forget_content(synced)
    synced.run("reference")
    synced.run("census")
    with held_up(synced, lambda other: other.exec_driver_sql(f"lock table {table}")):
        run = synced.run("backfill")
    assert (run["state"], run["done_count"]) == ("done", SIZE)
    assert synced.content() == expected


def test_what_movies_share_is_written_once_where_one_of_them_was_imported(synced):
    expected = synced.content()
    forget_content(synced)
    synced.run("reference")
    synced.run("census")
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("delete from sync_watermark where name = 'people_writer'")
        connection.exec_driver_sql("create table turned (writer text)")
        connection.exec_driver_sql(
            "create function turn() returns trigger language plpgsql as $$ begin"
            " insert into turned values (new.value); return null; end $$"
        )
        connection.exec_driver_sql(
            "create trigger turns after insert or update on sync_watermark for each row"
            " when (new.name = 'people_writer') execute function turn()"
        )
        loading.import_movies(connection, [pb.ImportedMovie(movie_id=FIRST + 1, title="Heat")])
    assert synced.run("backfill")["done_count"] == SIZE
    assert synced.values("select count(*) from turned") == [1]
    assert synced.values("select count(*) from movie where source = 'import'") == [0]
    assert len(expected["credit"]) == len(synced.content()["credit"])
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("drop table turned; drop function turn cascade")


@pytest.mark.parametrize("stage", ["census", "delta"])
def test_who_changes_the_queue_waits_for_the_movies_writer_with_empty_hands(
    syncing, standin, stage
):
    syncing.run("census")
    standin.edit(FIRST)
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    with syncing.context.database.read() as other, ThreadPoolExecutor(1) as pool:
        other.exec_driver_sql("begin")
        batches.take_writers_turn(other)
        run = pool.submit(syncing.run, stage)
        eventually(lambda: syncing.values(waiting) == [1], within=20)
        other.exec_driver_sql("set local lock_timeout = '50ms'")
        hold_the_queue(other)
        other.exec_driver_sql("commit")
        assert run.result(60)["state"] == "done"


def test_a_run_of_all_stages_holds_the_one_it_is_at(syncing):
    free = dict[str, bool]()

    def tell(run):
        with syncing.context.database.read() as other:
            free[run.stage_now] = runs.try_lock(other, run.stage_now, "standin")

    run_id = uuid7()
    with syncing.context.database.begin() as connection:
        runs.create(
            connection, run_id=run_id, stage="all", source="standin", request_id=None, parameters={}
        )
    run_stage(syncing.context, run_id, "all", {}, tell, wait=False)
    stages = ("reference", "census", "lists", "backfill", "delta")
    assert free == dict.fromkeys(stages, False)


def test_what_tmdb_says_of_its_trouble_may_hold_anything(syncing):
    class Answers(Handler):
        def do_GET(self):
            self.tell(b'{"status_message": "out of\\u0000order"}', 500)

    with serving(Answers) as url:
        access = replace(syncing.context.access, base_url=url, attempts=1)
        syncing.context = replace(syncing.context, access=access)
        with pytest.raises(Unavailable):
            syncing.run("reference")
    assert syncing.last["state"] == "failed"
    assert "500 out oforder" in syncing.last["error"]


@pytest.mark.parametrize(
    ("status", "told"), [(401, "TMDB_READ_TOKEN"), (500, "will be tried again")]
)
def test_why_a_run_stopped_is_told_though_its_hold_on_the_stage_broke_too(syncing, status, told):
    cut = "select pg_terminate_backend(pid) from pg_locks where classid = :space"

    class Answers(Handler):
        def do_GET(self):
            syncing.values(cut, space=runs.LOCK_SPACE)
            self.tell(b"{}", status)

    with serving(Answers) as url:
        access = replace(syncing.context.access, base_url=url, attempts=1)
        syncing.context = replace(syncing.context, access=access)
        with pytest.raises((SourceDenied, Unavailable)):
            syncing.run("reference")
    assert syncing.last["state"] == "failed"
    assert told in syncing.last["error"]


@contextmanager
def refusing(syncing, table, action, code="P0001"):
    """A database that takes no such thing from any table of this name."""
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql(
            "create function refuse() returns trigger language plpgsql as $$ begin"
            f" raise 'not here' using errcode = '{code}'; end $$"
        )
        connection.exec_driver_sql(
            f"create trigger refuses before {action} on {table} for each row"
            " execute function refuse()"
        )
    yield
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql("drop function refuse() cascade")


def test_why_a_run_stopped_is_told_though_its_leases_cannot_be_given_back(syncing, standin):
    syncing.run("census")
    standin.faults(refuse_tokens=True)
    with refusing(syncing, "sync_lease", "delete"), pytest.raises(SourceDenied):
        syncing.run("backfill")
    assert "TMDB_READ_TOKEN" in syncing.last["error"]
    standin.faults()
    assert syncing.run("backfill")["done_count"] == SIZE


def test_a_database_that_refuses_the_quarantine_itself_ends_the_run(syncing, standin):
    standin.faults(corrupt_ids=[FIRST])
    with refusing(syncing, "quarantine", "insert", "22000"), pytest.raises(DataError):
        syncing.run("movies", movie_ids=[FIRST, FIRST + 1])
    assert syncing.last["error"].startswith("DataError: ")
    assert syncing.values("select count(*) from sync_lease") == [0]


def test_what_was_loaded_is_loaded_though_the_tables_cannot_be_tended_to(syncing):
    syncing.run("census")
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql("alter index person_words_idx rename to elsewhere")
    with capture_logs() as told:
        assert syncing.run("backfill")["state"] == "done"
    assert "upkeep left undone" in [one["event"] for one in told]
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql("alter index elsewhere rename to person_words_idx")


def test_what_does_not_fit_into_a_batch_waits_for_the_next(syncing, monkeypatch):
    monkeypatch.setattr(fetching, "_BATCH_BYTES", 50_000)
    syncing.run("census")
    assert syncing.run("backfill")["done_count"] == SIZE
    assert syncing.values("select count(*) from movie") == [SIZE]
    syncing.now += timedelta(days=200)
    syncing.context = replace(syncing.context, refresh_limit=60)
    assert syncing.run("refresh")["done_count"] == 60
    assert syncing.values("select count(*) from sync_lease") == [0]


def test_a_movie_that_takes_too_long_holds_up_no_other(syncing, standin):
    syncing.run("census")
    standin.faults(only=f"/3/movie/{FIRST + 5}", delay_milliseconds=60_000)
    access = replace(syncing.context.access, attempts=2, timeout_seconds=5.0)
    syncing.context = replace(syncing.context, access=access)
    run = syncing.run("backfill")
    assert (run["state"], run["done_count"]) == ("done", SIZE - 1)
    item = "select state, next_at > now() as later from sync_item where movie_id = :id"
    assert syncing.rows(item, id=FIRST + 5) == [{"state": "pending", "later": True}]
    assert syncing.values("select count(*) from quarantine") == [0]


def test_a_tmdb_too_slow_to_be_waited_for_is_tried_again_by_the_job(syncing, standin, admin):
    syncing.run("census")
    standin.faults(delay_milliseconds=60_000)
    access = replace(syncing.context.access, attempts=2, timeout_seconds=0.5)
    run = admin.StartSync(stage="backfill").run
    worker_of(syncing, access).run_waiting()
    failed = admin.GetSyncRun(sync_run_id=run.sync_run_id).run
    assert failed.state == "failed"
    assert "no answer (TimeoutError" in failed.error
    assert "will be tried again" in failed.error
    assert syncing.values("select count(*) from quarantine") == [0]
    standin.faults()
    make_due(syncing)
    worker_of(syncing, replace(access, timeout_seconds=60.0)).run_waiting()
    done = admin.GetSyncRun(sync_run_id=run.sync_run_id).run
    assert (done.state, done.error) == ("done", "")
    assert syncing.values("select count(*) from movie") == [SIZE]


def test_a_disk_that_is_really_full_stops_the_run_which_goes_on_by_itself(synced, admin, request):
    worker = worker_of(synced, synced.context.access)
    expected = synced.content()
    forget_content(synced)
    synced.run("reference")
    synced.run("census")
    enlarge = request.getfixturevalue("small_disk")
    run = admin.StartSync(stage="backfill").run
    worker.run_waiting()
    failed = admin.GetSyncRun(sync_run_id=run.sync_run_id).run
    assert failed.state == "failed"
    assert "disk is full" in failed.error
    (loaded,) = synced.values("select count(*) from movie")
    assert loaded == failed.done_count < SIZE
    assert synced.values("select count(*) from sync_lease") == [0]
    assert synced.values("select count(*) from quarantine") == [0]
    assert synced.values("select state from job where payload ->> 'sync_run_id' is not null") == [
        "queued"
    ]
    enlarge()
    make_due(synced)
    worker.run_waiting()
    done = admin.GetSyncRun(sync_run_id=run.sync_run_id).run
    assert (done.state, done.error, done.done_count) == ("done", "", SIZE)
    assert synced.content() == expected


def test_two_processes_that_ask_at_once_share_one_rate(syncing, standin, settings):
    syncing.run("census")
    standin.faults()
    cap = 30
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_STREAMS_URL": settings.redis_streams_url,
        "REDIS_CACHE_URL": settings.redis_cache_url,
        "INTERNAL_KEY": settings.internal_key.get_secret_value(),
        "TMDB_READ_TOKEN": settings.tmdb_read_token.get_secret_value(),
        "TMDB_BASE_URL": settings.tmdb_base_url,
        "TMDB_EXPORT_URL": settings.tmdb_export_url,
        "TMDB_RATE": str(cap),
        "CATALOG_SOURCE": "standin",
    }
    commands = [
        [sys.executable, "-m", "catalog", "sync", stage]
        for stage in ("backfill", "lists", "reference")
    ]
    asking = [
        subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    assert [process.wait(120) for process in asking] == [0, 0, 0]
    overlapping = syncing.values(
        "select count(*) from sync_run a join sync_run b on a.stage = 'backfill'"
        " and b.stage in ('lists', 'reference')"
        " and tstzrange(a.started_at, a.finished_at) && tstzrange(b.started_at, b.finished_at)"
    )
    assert overlapping[0] > 0
    assert syncing.values("select count(*) from movie") == [SIZE]
    assert standin.report()["busiest_second"] <= cap
