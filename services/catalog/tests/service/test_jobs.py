"""The sync as jobs and as a command: started, watched, cut off, gone on with."""

import json
import os
import subprocess
import sys
from uuid import UUID, uuid4

import pytest
from catalog_asking import FIRST, SIZE
from pydantic import ValidationError

from catalog import commands
from catalog.jobs import Rhythm, chores, handlers
from catalog.settings import Settings
from catalog.store import runs
from catalog.store.quarantines import Quarantined, put_away
from chassis.database import uuid7
from chassis.jobs import Worker
from marquee.catalog.v1 import events_pb2 as events


@pytest.fixture
def worker(syncing, settings) -> Worker:
    rhythm = Rhythm(86400, 86400, 1800, 600, 900, 3600)
    return Worker(
        name="catalog",
        database=syncing.context.database,
        redis_url=settings.redis_streams_url,
        handlers=handlers(syncing.context),
        chores=chores(rhythm),
        instance="test",
    )


def test_chores_alone_fill_an_empty_catalogue(worker, syncing):
    worker.tick()
    worker.run_waiting()
    assert syncing.values("select count(*) from movie") == [SIZE]
    assert syncing.values("select distinct state from job") == ["done"]
    assert syncing.values("select distinct state from sync_run") == ["done"]


def test_a_requested_run_is_done_by_a_worker_and_reports(worker, admin, syncing):
    run = admin.StartSync(stage="all", request_id="first").run
    worker.run_waiting()
    done = admin.GetSyncRun(sync_run_id=run.sync_run_id).run
    assert (done.state, done.done_count, done.changed_count) == ("done", SIZE, SIZE)
    assert done.remaining_count == 0
    assert done.requests_count >= SIZE
    assert done.rate > 0


def acts(syncing):
    """What is told the audit log: by whom, what, with which details and from where."""
    payloads = syncing.values(
        "select payload from outbox where type = 'marquee.catalog.v1.AdminActed' order by event_id"
    )
    told = [events.AdminActed.FromString(bytes(payload)) for payload in payloads]
    return [
        (UUID(one.user_id), one.action, one.subject, json.loads(one.details_json), one.address)
        for one in told
    ]


def test_what_admins_ask_for_is_told_the_audit_log_once(caller_as, catalog, tokens, syncing):
    user_id = uuid4()
    metadata = [*tokens.user(user_id, "admin"), ("x-client-address", "203.0.113.0")]
    asking = caller_as(metadata)
    run = asking.StartSync(stage="delta", request_id="one").run
    assert asking.StartSync(stage="delta", request_id="one").run == run
    few = asking.StartSync(movie_ids=[FIRST]).run
    catalog.StartSync(stage="lists", request_id="a service's own")
    with syncing.context.database.begin() as connection:
        put_away(connection, "standin", 1, [Quarantined(FIRST, "broken", b"{")])
    (entry,) = asking.ListQuarantine().entries
    asking.RetryQuarantined(quarantine_entry_id=entry.quarantine_entry_id)
    alone = {"stage": "movies", "movie_ids": [FIRST]}
    assert acts(syncing) == [
        (user_id, "sync.requested", run.sync_run_id, {"stage": "delta"}, "203.0.113.0"),
        (user_id, "sync.requested", few.sync_run_id, alone, "203.0.113.0"),
        (
            user_id,
            "quarantine.retried",
            entry.quarantine_entry_id,
            {"movie_id": FIRST},
            "203.0.113.0",
        ),
    ]


def test_named_movies_are_fetched_alone(worker, admin, syncing):
    admin.StartSync(movie_ids=[FIRST, FIRST + 1])
    worker.run_waiting()
    ids = syncing.values("select tmdb_id from movie order by 1")
    assert ids == [FIRST, FIRST + 1]


def test_a_refused_token_ends_the_run_and_not_the_worker(worker, admin, standin):
    standin.faults(refuse_tokens=True)
    run = admin.StartSync(stage="reference").run
    worker.run_waiting()
    failed = admin.GetSyncRun(sync_run_id=run.sync_run_id).run
    assert failed.state == "failed"
    assert "TMDB_READ_TOKEN" in failed.error
    standin.faults()
    assert admin.StartSync(stage="reference").run.sync_run_id != run.sync_run_id


def test_a_chore_steps_aside_while_its_stage_is_running(worker, syncing):
    with syncing.context.database.read() as other:
        assert runs.try_lock(other, "census", "standin")
        worker.tick()
        worker.run_waiting()
        assert syncing.values("select stage from sync_run where stage = 'census'") == []
        runs.unlock(other, "census", "standin")
    assert syncing.values("select result ->> 'skipped' from job where kind = 'sync_census'")[0]
    assert syncing.values("select count(*) from job where key like 'after:%'") == [0]


def begun(syncing, stage, run_id):
    """A run as a chore begins one."""
    with syncing.context.database.begin() as connection:
        runs.create(
            connection,
            run_id=run_id,
            stage=stage,
            source="standin",
            request_id=None,
            parameters={},
        )
        runs.start(connection, run_id)


def test_a_chore_that_was_cut_off_and_then_stepped_aside_is_over(worker, syncing):
    worker.tick()
    (run_id,) = syncing.values("select job_id from job where kind = 'sync_census'")
    begun(syncing, "census", run_id)
    with syncing.context.database.begin() as connection:
        runs.requeue(connection, run_id)
    with syncing.context.database.read() as other:
        assert runs.try_lock(other, "census", "standin")
        worker.run_waiting()
        runs.unlock(other, "census", "standin")
    found = "select state, error, finished_at is not null as ended from sync_run"
    assert syncing.rows(f"{found} where sync_run_id = :id", id=run_id) == [
        {"state": "failed", "error": "another run took its place", "ended": True}
    ]


def test_what_is_asked_for_twice_is_one_run_beside_one_that_nobody_asked_for(admin, syncing):
    begun(syncing, "lists", uuid7())
    run = admin.StartSync(stage="lists").run
    assert run.state == "queued"
    assert admin.StartSync(stage="lists").run == run
    assert admin.StartSync(stage="reference").run != run
    assert syncing.values("select count(*) from job") == [2]


def test_the_command_runs_a_stage_and_tells_how_it_stands(settings, syncing, standin, capsys):
    standin.follow_the_clock()
    assert commands.sync(settings, ["census"]) == 0
    assert "census: done 150" in capsys.readouterr().err
    assert commands.sync(settings, ["movies", "--ids", f"{FIRST},{FIRST + 2}"]) == 0
    assert commands.sync(settings, ["backfill", "--background"]) == 0
    capsys.readouterr()
    assert commands.sync(settings, ["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["movies"] == {"pending": SIZE - 2, "done": 2}
    assert [run["stage"] for run in status["runs"]] == ["backfill", "movies", "census"]
    assert commands.sync(settings, ["status"]) == 0
    assert "watermarks: census_count 150" in capsys.readouterr().out
    assert syncing.values("select kind from job") == ["sync"]


def test_a_sync_asked_for_twice_by_the_same_id_is_one(settings, capsys):
    asked = ["all", "--background", "--request-id", "first"]
    assert [commands.sync(settings, asked) for _ in range(2)] == [0, 0]
    assert len(set(capsys.readouterr().out.split())) == 1


def test_what_a_stage_is_told_is_told_whoever_runs_it(worker, settings, syncing, capsys):
    syncing.run("all")
    again = ["refresh", "--background", "--older-than-days", "-1"]
    asked = [again, again, ["refresh", "--background"], ["census", "--background"]]
    asked.append(["census", "--background", "--accept-shrinkage"])
    assert [commands.sync(settings, one) for one in asked] == [0] * 5
    ids = capsys.readouterr().out.split()
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    worker.run_waiting()
    counts = "select done_count from sync_run where sync_run_id = cast(:id as uuid)"
    assert [syncing.values(counts, id=one) for one in (ids[0], ids[2])] == [[SIZE], [0]]
    believed = "select parameters -> 'accept_shrinkage' from sync_run where stage = 'census'"
    assert sorted(map(str, syncing.values(believed))) == ["None", "True"]


def test_the_command_says_what_is_wrong(settings, standin, capsys):
    standin.faults(refuse_tokens=True)
    assert commands.sync(settings, ["reference"]) == 1
    assert "TMDB_READ_TOKEN" in capsys.readouterr().err


def test_the_command_refuses_what_makes_no_sense(settings, capsys):
    for arguments in (
        ["films"],
        ["movies", "--ids", "x"],
        ["movies", "--ids", "0"],
        ["movies", "--ids", str(2**63)],
        ["refresh", "--older-than-days", "nan"],
        ["movies"],
        ["movies", "--background"],
        ["backfill", "--ids", "1"],
        ["backfill", "--ids", "1", "--background"],
        ["census", "--older-than-days", "0"],
        ["backfill", "--accept-shrinkage"],
        ["census", "--json"],
        ["census", "--request-id", "first"],
        ["status", "--background"],
    ):
        with pytest.raises(SystemExit) as ended:
            commands.sync(settings, arguments)
        assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_command_names_an_address_or_a_database_that_is_wrong(settings, standin, capsys):
    elsewhere = settings.model_copy(update={"tmdb_base_url": f"{standin.url}/3/nowhere"})
    assert commands.sync(elsewhere, ["reference"]) == 1
    assert "TMDB_BASE_URL" in capsys.readouterr().err
    nobody = settings.model_copy(
        update={"database_url": "postgresql+psycopg2://nobody@127.0.0.1:1/nothing"}
    )
    assert commands.sync(nobody, ["status"]) == 1
    assert "the database is not available" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://there:99999/3", "Port out of range"),
        ("http://[::1", "Invalid IPv6"),
        ("http:///3", "a host"),
    ],
)
def test_an_address_that_is_none_is_refused_by_its_name(settings, address, told):
    with pytest.raises(ValidationError, match=f"(?s)tmdb_export_url.*{told}"):
        Settings.model_validate({**settings.model_dump(), "tmdb_export_url": address})


def test_every_setting_is_explained():
    environment = {**os.environ, "DATABASE_URL": "postgresql://localhost/x"}
    command = [sys.executable, "-m", "catalog", "settings"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "TMDB_RATE=35" in shown.stdout
    assert "SYNC_SETTLE_SECONDS=1200" in shown.stdout
