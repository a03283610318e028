"""The sync against the stand-in: it fills, repeats, follows, forgives and says why it stopped."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from catalog_asking import FIRST, SIZE, refusal
from catalog_world import CONTENT
from msgspec import structs

from catalog import jobs
from catalog.domain.movies import PersonRecord
from catalog.jobs.running import StageBusy
from catalog.operations.loading import load_movies, ready
from catalog.store import featured, runs, shared
from catalog.store.familiar import Familiar
from catalog.tmdb.errors import ExportUnusable, SourceDenied
from catalog.tmdb.parsing import movie_record
from chassis.database import uuid7
from chassis.errors import Unavailable
from chassis.jobs import Interrupted
from chassis.testing import eventually
from marquee.catalog.v1 import events_pb2 as events

# Kept by the writer's order rather than by foreign keys.
PARENTS = [
    ("certification", "movie_id", "movie", "tmdb_id"),
    ("credit", "movie_id", "movie", "tmdb_id"),
    ("credit", "person_id", "person", "person_id"),
    ("movie_keyword", "movie_id", "movie", "tmdb_id"),
    ("movie_keyword", "keyword_id", "keyword", "keyword_id"),
    ("movie_title", "movie_id", "movie", "tmdb_id"),
    ("translation", "movie_id", "movie", "tmdb_id"),
    ("video", "movie_id", "movie", "tmdb_id"),
]


def facts_of(syncing, kind):
    payloads = syncing.values(
        "select payload from outbox where type = :type order by event_id",
        type=f"marquee.catalog.v1.{kind.DESCRIPTOR.name}",
    )
    return [kind.FromString(bytes(payload)) for payload in payloads]


def forget_facts(syncing):
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql("delete from outbox")


def advance(syncing, standin, **time):
    syncing.now += timedelta(**time)
    standin.put("/_clock", {"now": syncing.now.isoformat()})


def test_everything_in_the_export_is_loaded_and_told_in_batches(synced):
    assert synced.last["state"] == "done"
    assert synced.values("select count(*) from movie where source = 'standin'") == [SIZE]
    assert synced.values("select distinct state from sync_item") == ["done"]
    told = facts_of(synced, events.MoviesChanged)
    assert len(told) == 4  # 40 at a time
    movies = {movie.movie_id: movie for fact in told for movie in fact.movies}
    assert len(movies) == SIZE
    assert all(movie.version == 1 and movie.title for movie in movies.values())
    assert any(person.role == "director" for m in movies.values() for person in m.people)
    assert facts_of(synced, events.FeaturedMoviesChanged)
    assert facts_of(synced, events.GenresChanged)


def test_what_is_stored_is_what_tmdb_says(synced, standin):
    for movie_id in range(FIRST, FIRST + 20):
        said = standin.movie(movie_id)
        (row,) = synced.rows("select * from movie where tmdb_id = :id", id=movie_id)
        for name in ("title", "original_title", "budget", "vote_count", "popularity", "adult"):
            assert row[name] == said[name]
        assert row["runtime_minutes"] == said["runtime"]
        assert str(row["release_date"] or "") == said["release_date"]
        genres = synced.values("select genre_id from movie_genre where movie_id = :i", i=movie_id)
        assert sorted(genres) == sorted(genre["id"] for genre in said["genres"])
        parts = synced.values("select person_id from credit where movie_id = :i", i=movie_id)
        people = [*said["credits"]["cast"], *said["credits"]["crew"]]
        assert set(parts) == {person["id"] for person in people}
        words = synced.values(
            "select keyword_id from movie_keyword where movie_id = :i", i=movie_id
        )
        assert sorted(words) == sorted(one["id"] for one in said["keywords"]["keywords"])


def test_a_second_run_over_unchanged_data_changes_nothing(synced):
    before = synced.content()
    forget_facts(synced)
    stamps = synced.values("select max(updated_at) from movie")
    run = synced.run("refresh", older_than_days=-1)
    assert run["done_count"] == SIZE
    assert run["changed_count"] == 0
    assert synced.content() == before
    assert synced.values("select max(updated_at) from movie") == stamps
    assert facts_of(synced, events.MoviesChanged) == []


def test_an_edit_arrives_with_the_next_delta_and_changes_only_its_movie(synced, standin):
    forget_facts(synced)
    advance(synced, standin, hours=1)
    standin.edit(FIRST + 3)
    advance(synced, standin, days=1)
    synced.run("delta")
    (fact,) = facts_of(synced, events.MoviesChanged)
    told = {movie.movie_id: movie.version for movie in fact.movies}
    assert told.pop(FIRST + 3) == 2
    assert set(told) <= {FIRST + 4}  # the stand-in remembers what another test edited
    (row,) = synced.rows("select * from movie where tmdb_id = :id", id=FIRST + 3)
    assert row["overview"] == standin.movie(FIRST + 3)["overview"]
    assert synced.values("select value from sync_watermark where name = 'delta'") == ["2026-03-01"]


def test_a_body_older_than_its_change_is_fetched_again(synced, standin):
    advance(synced, standin, hours=1)
    standin.edit(FIRST + 4)
    advance(synced, standin, hours=12)  # the day has closed an hour ago
    standin.faults(stale_rate=1.0, stale_seconds=6 * 3600, only="/3/movie/9")
    synced.run("delta")
    item = "select state, changed_at < as_of as clean from sync_item where movie_id = :id"
    assert synced.rows(item, id=FIRST + 4) == [{"state": "pending", "clean": False}]
    standin.faults()
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update sync_item set next_at = now()")
    synced.run("backfill")
    assert synced.rows(item, id=FIRST + 4) == [{"state": "done", "clean": True}]
    (row,) = synced.rows("select * from movie where tmdb_id = :id", id=FIRST + 4)
    assert row["runtime_minutes"] == standin.movie(FIRST + 4)["runtime"]


def test_corrupt_bodies_and_only_those_are_quarantined_and_can_be_retried(syncing, standin, admin):
    standin.faults(corrupt_rate=0.1)
    syncing.run("all")
    corrupt = sorted(int(movie_id) for movie_id in standin.report()["corrupt_ids"])
    assert corrupt
    assert syncing.values("select source_id from quarantine order by 1") == corrupt
    assert syncing.values("select count(*) from movie") == [SIZE - len(corrupt)]
    entries = admin.ListQuarantine(page_size=100).entries
    assert all(entry.error and entry.body and entry.state == "open" for entry in entries)
    standin.faults()
    assert admin.RetryQuarantined(quarantine_entry_id=entries[0].quarantine_entry_id)
    syncing.run("backfill")
    (resolved,) = admin.ListQuarantine(state="resolved").entries
    refused = refusal(admin.RetryQuarantined, quarantine_entry_id=resolved.quarantine_entry_id)
    assert refused.reason == "QUARANTINE_ENTRY_RESOLVED"
    assert syncing.values("select count(*) from movie") == [SIZE - len(corrupt) + 1]


def test_nothing_that_was_put_away_is_kept_longer_than_other_movies(synced, standin):
    standin.faults(corrupt_ids=[FIRST + 1, FIRST + 2])
    synced.run("movies", movie_ids=[FIRST + 1, FIRST + 2])
    standin.faults()
    synced.run("movies", movie_ids=[FIRST + 2])
    kept = "select source_id, state, body <> '' as body from quarantine order by 1"
    opened = {"source_id": FIRST + 1, "state": "open"}
    resolved = {"source_id": FIRST + 2, "state": "resolved"}
    synced.run("refresh")
    assert synced.rows(kept) == [{**opened, "body": True}, {**resolved, "body": True}]
    assert synced.run("backfill")["done_count"] == 0
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update quarantine set quarantined_at = '2025-10-31'")
    synced.run("refresh")
    assert synced.rows(kept) == [{**opened, "body": False}, {**resolved, "body": False}]
    standin.faults(corrupt_ids=[FIRST + 1])
    assert synced.run("backfill")["done_count"] == 1
    assert synced.rows(kept)[0] == {**opened, "body": True}


def test_what_was_put_away_is_settled_by_whatever_tmdb_has_to_say_of_it(synced, standin):
    broken = [FIRST + 1, FIRST + 2]
    standin.faults(corrupt_ids=broken)
    synced.run("movies", movie_ids=broken)
    assert synced.values("select state from quarantine") == ["open", "open"]
    standin.faults(
        deleted_ids=[FIRST + 1], stale_rate=1.0, stale_seconds=6 * 3600, only="/3/movie/9"
    )
    synced.run("movies", movie_ids=broken)
    states = synced.values("select state from sync_item where movie_id = any(:i)", i=broken)
    assert sorted(states) == ["done", "gone"]
    assert synced.values("select state from quarantine") == ["resolved", "resolved"]


def test_what_a_parser_before_this_one_refused_is_asked_for_again(synced, standin):
    standin.faults(corrupt_ids=[FIRST + 1, FIRST + 2])
    synced.run("movies", movie_ids=[FIRST + 1, FIRST + 2])
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(
            f"update quarantine set parser_version = 0 where source_id = {FIRST + 1}"
        )
    synced.run("refresh")
    waiting = "select movie_id from sync_item where state = 'pending'"
    assert synced.values(waiting) == [FIRST + 1]
    synced.run("backfill")
    synced.run("refresh")
    assert synced.values(waiting) == []


def test_runs_that_are_long_over_are_forgotten_but_for_the_last_of_each_stage(syncing):
    for stage in ("reference", "reference", "census", "refresh"):
        syncing.run(stage)
    with syncing.context.database.begin() as connection:
        connection.exec_driver_sql("update sync_run set finished_at = now() - interval '91 days'")
    syncing.run("reference")
    syncing.run("refresh")
    stages = syncing.values("select stage from sync_run order by sync_run_id")
    assert stages == ["census", "reference", "refresh"]


def test_what_stays_broken_holds_up_nothing_when_it_is_all_that_waits(synced, standin):
    broken = list(range(FIRST, FIRST + 25))
    standin.faults(corrupt_ids=broken)
    synced.run("movies", movie_ids=list(range(FIRST, FIRST + 50)))
    assert synced.values("select source_id from quarantine order by 1") == broken
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("update quarantine set quarantined_at = '2025-10-31'")
    synced.run("refresh")
    assert synced.run("backfill")["quarantined_count"] == len(broken)
    assert synced.values("select distinct attempts from quarantine") == [2]
    assert synced.run("backfill")["done_count"] == 0


def test_deleted_movies_become_tombstones_and_are_told(synced, standin, catalog):
    standin.faults(deleted_ids=[FIRST])
    synced.run("census")
    assert synced.values("select count(*) from movie where removed_at is not null") == [0]
    synced.run("census")
    synced.run("backfill")
    assert [list(f.movie_ids) for f in facts_of(synced, events.MoviesRemoved)] == [[FIRST]]
    (stub, other) = catalog.BatchGetMovies(movie_ids=[FIRST, FIRST + 2]).movies
    assert (stub.movie_id, stub.removed, bool(stub.title)) == (FIRST, True, True)
    assert not other.removed
    standin.faults()
    synced.run("census")
    synced.run("backfill")
    assert synced.values("select count(*) from movie where removed_at is not null") == [0]


def test_of_an_old_tombstone_its_titles_stay_until_it_is_back(synced, standin):
    hanging = ("credit", "translation", "movie_keyword", "movie_title")
    counts = ", ".join(
        f"(select count(*) from {name} where movie_id = tmdb_id)" for name in hanging
    )
    told = (
        "select array[title, imdb_id, release_date::text, overview, poster_path, original_language,"
        " status, spoken_languages::text, production_countries::text, watch_providers::text,"
        f" external_ids::text] || array[{counts}]::text[] from movie where tmdb_id = :id"
    )
    whole = synced.values(told, id=FIRST)
    standin.faults(deleted_ids=[FIRST])
    synced.run("movies", movie_ids=[FIRST])
    synced.run("refresh", older_than_days=-400)
    assert synced.values(told, id=FIRST) == whole
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(
            "update movie set removed_at = '2025-10-31' where removed_at is not null"
        )
    synced.run("refresh")
    assert synced.values(told, id=FIRST) == [[*whole[0][:3], *[""] * 4, *["{}"] * 4, *"0000"]]
    standin.faults()
    synced.run("movies", movie_ids=[FIRST])
    assert synced.values(told, id=FIRST) == whole


def test_a_census_that_shrinks_is_not_believed(synced, standin):
    standin.faults(deleted_rate=0.2)
    with pytest.raises(ExportUnusable):
        synced.run("census")
    assert synced.last["state"] == "failed"
    assert "shrank" in synced.last["error"]
    assert synced.values("select max(missing_count) from sync_item") == [0]


def test_a_wrong_token_stops_the_run_with_a_clear_message(syncing, standin):
    standin.faults(refuse_tokens=True)
    with pytest.raises(SourceDenied):
        syncing.run("reference")
    assert "TMDB_READ_TOKEN" in syncing.last["error"]
    assert syncing.last["state"] == "failed"


def test_complaints_are_waited_out_and_blame_no_record(syncing, standin):
    syncing.run("census")
    standin.faults(rate_limited_rate=0.1, error_rate=0.1, gzip_rate=0.2)
    syncing.run("backfill")
    assert syncing.values("select count(*) from quarantine") == [0]
    assert syncing.values("select count(*) from movie") == [SIZE]


def test_a_storm_of_429_slows_the_run_but_ends_it_well(syncing, standin):
    syncing.run("census")
    standin.faults(rate_limited_rate=0.3)
    run = syncing.run("backfill")
    assert run["requests_count"] > SIZE * 1.2
    assert syncing.values("select count(*) from quarantine") == [0]
    assert syncing.values("select count(*) from movie") == [SIZE]
    assert syncing.context.budget.rate < syncing.settings.tmdb_rate


def test_bodies_cut_short_on_their_way_are_asked_for_again(syncing, standin):
    syncing.run("census")
    standin.faults(truncated_rate=0.05, corrupt_gzip_rate=0.05)
    for stage in ("reference", "lists", "backfill"):
        syncing.run(stage)
    # Three bad bodies in a row are a tenth of a percent: one record at most.
    assert syncing.values("select count(*) from quarantine")[0] <= 1
    assert syncing.values("select count(*) from movie")[0] >= SIZE - 1


def test_a_movie_that_tmdb_cannot_answer_holds_up_no_other(syncing, standin):
    syncing.run("census")
    standin.faults(only=f"/3/movie/{FIRST + 5}", error_rate=1.0, error_status=500)
    access = replace(syncing.context.access, attempts=2)
    syncing.context = replace(syncing.context, access=access)
    run = syncing.run("backfill")
    assert (run["state"], run["done_count"]) == ("done", SIZE - 1)
    item = (
        "select state, extract(epoch from next_at - updated_at)::integer as wait_seconds"
        " from sync_item where movie_id = :id"
    )
    settle_seconds = syncing.context.settle_seconds
    for attempt in (1, 2):
        expected = {"state": "pending", "wait_seconds": attempt * settle_seconds}
        assert syncing.rows(item, id=FIRST + 5) == [expected]
        syncing.run("movies", movie_ids=[FIRST + 5, FIRST + 6])
    assert syncing.values("select count(*) from quarantine") == [0]
    standin.faults()
    assert syncing.run("movies", movie_ids=[FIRST + 5])["changed_count"] == 1
    assert syncing.values("select count(*) from movie") == [SIZE]


def test_a_source_that_suddenly_knows_nothing_is_not_believed(synced, standin):
    standin.faults(only="/3/movie/", deleted_rate=1.0)
    with pytest.raises(Unavailable):
        synced.run("refresh", older_than_days=-1)
    assert "TMDB_BASE_URL" in synced.last["error"]
    assert synced.values("select count(*) from movie where removed_at is not null") == [0]
    assert synced.values("select count(*) from sync_lease") == [0]


@pytest.mark.parametrize("batch_size", [40, 8])
def test_a_source_that_knows_nothing_is_not_believed_the_first_time_either(
    syncing, standin, batch_size
):
    syncing.run("census")
    syncing.context = replace(syncing.context, batch_size=batch_size)
    standin.faults(only="/3/movie/", deleted_rate=1.0)
    for _attempt in range(2):
        with pytest.raises(Unavailable):
            syncing.run("backfill")
        assert "TMDB_BASE_URL" in syncing.last["error"]
    lost = 0 if batch_size > 20 else 2 * 16
    assert syncing.values("select count(*) from sync_item where state = 'gone'") == [lost]
    standin.faults()
    syncing.run("census")
    assert syncing.run("backfill")["state"] == "done"
    assert syncing.values("select count(*) from movie") == [SIZE]


def test_what_is_truly_gone_holds_up_nothing_when_it_is_all_that_waits(syncing, standin):
    syncing.run("census")
    deleted = list(range(FIRST, FIRST + 30))
    standin.faults(deleted_ids=deleted)
    assert syncing.run("backfill")["state"] == "done"
    gone = "select movie_id from sync_item where state = 'gone' order by 1"
    assert syncing.values(gone) == deleted
    standin.faults()
    syncing.run("census")  # one of the day before names them still
    standin.faults(deleted_ids=deleted)
    run = syncing.run("backfill")
    assert (run["state"], run["done_count"]) == ("done", 30)
    assert syncing.values(gone) == deleted


def test_what_waits_and_is_gone_from_the_next_census_too_may_be_gone(synced, standin):
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(
            "insert into sync_item (movie_id, source)"
            " select i, 'standin' from generate_series(800001, 800030) i"
        )
    with pytest.raises(Unavailable):
        synced.run("backfill")
    synced.run("census")
    assert synced.run("backfill")["done_count"] == 30
    assert synced.values("select count(*) from sync_item where state = 'gone'") == [30]


def test_of_what_was_named_by_hand_nothing_need_be_there(synced):
    run = synced.run("movies", movie_ids=list(range(800001, 800031)))
    assert (run["state"], run["done_count"]) == ("done", 30)


@pytest.mark.parametrize(
    "doubtful",
    [
        "insert into sync_item (movie_id, source) values (900000, 'standin')",
        f"update sync_item set missing_count = 1 where movie_id = {FIRST}",
    ],
    ids=["never stored", "once missing"],
)
def test_one_movie_that_may_well_be_gone_makes_no_void_believable(synced, standin, doubtful):
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(doubtful)
    standin.faults(only="/3/movie/", deleted_rate=1.0)
    with pytest.raises(Unavailable):
        synced.run("movies", movie_ids=[*range(FIRST, FIRST + 30), 900000])
    assert synced.values("select count(*) from movie where removed_at is not null") == [0]


def test_many_small_batches_of_nothing_are_no_more_believed_than_a_large_one(synced, standin):
    synced.context = replace(synced.context, batch_size=8)
    standin.faults(only="/3/movie/", deleted_rate=1.0)
    with pytest.raises(Unavailable):
        synced.run("refresh", older_than_days=-1)
    assert synced.values("select count(*) from movie where removed_at is not null") == [16]


def test_a_worker_that_stops_leaves_a_run_that_another_goes_on_with(syncing):
    syncing.run("census")
    run_id = uuid7()
    with syncing.context.database.begin() as connection:
        runs.create(
            connection,
            run_id=run_id,
            stage="backfill",
            source="standin",
            request_id=None,
            parameters={},
        )

    def stop_after_the_first_batch(run):
        if run.done_count:
            raise Interrupted

    def backfill(tell):
        jobs.run_stage(syncing.context, run_id, "backfill", {}, tell, wait=False)

    with pytest.raises(Interrupted):
        backfill(stop_after_the_first_batch)
    shown = "select state, done_count, error from sync_run where sync_run_id = :id"
    assert syncing.rows(shown, id=run_id) == [{"state": "queued", "done_count": 40, "error": ""}]
    assert syncing.values("select count(*) from sync_lease") == [0]
    backfill(lambda _: None)
    assert syncing.rows(shown, id=run_id) == [{"state": "done", "done_count": SIZE, "error": ""}]
    assert syncing.values("select count(*) from movie") == [SIZE]


def test_a_server_that_is_down_leaves_nothing_behind_but_a_message(syncing, standin):
    syncing.run("census")
    standin.faults(error_rate=1.0)
    access = replace(syncing.context.access, attempts=2)
    syncing.context = replace(syncing.context, access=access)
    with pytest.raises(Unavailable):
        syncing.run("movies", movie_ids=[FIRST])
    assert "503" in syncing.last["error"]
    assert syncing.values("select count(*) from sync_lease") == [0]
    assert syncing.values("select count(*) from quarantine") == [0]


def test_a_disk_that_is_full_loses_nothing_and_says_so(synced, standin):
    expected = synced.content()
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(f"truncate {', '.join(CONTENT)}, sync_run, outbox cascade")
        connection.exec_driver_sql(
            "create function full_disk() returns trigger language plpgsql as $$ begin"
            " if new.tmdb_id %% 7 = 0 then raise 'could not extend file' using errcode = '53100';"
            " end if; return new; end $$"
        )
        connection.exec_driver_sql(
            "create trigger full_disk before insert on movie for each row"
            " execute function full_disk()"
        )
    synced.run("reference")
    synced.run("census")
    with pytest.raises(Unavailable, match="disk is full"):
        synced.run("backfill")
    assert (synced.last["state"], synced.last["done_count"]) == ("failed", 0)
    assert "disk is full" in synced.last["error"]
    assert synced.values("select count(*) from sync_lease") == [0]
    assert synced.values("select count(*) from quarantine") == [0]
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql("drop function full_disk() cascade")
    synced.run("backfill")
    assert synced.content() == expected


def test_a_run_that_waits_for_tmdb_says_what_holds_it_up(syncing, standin):
    syncing.run("census")
    standin.faults(rate_limited_rate=1.0)
    seen = []

    def tell(run):
        seen.extend(syncing.values("select error from sync_run where sync_run_id = :i", i=run_id))
        if "429" in seen[-1]:
            raise Interrupted

    run_id = uuid7()
    with syncing.context.database.begin() as connection:
        runs.create(connection, run_id=run_id, stage="backfill", source="standin",
                    request_id=None, parameters={})  # fmt: skip
    with pytest.raises(Interrupted):
        jobs.run_stage(syncing.context, run_id, "backfill", {}, tell, wait=False)
    assert "TMDb: 429" in seen[-1]


def test_entries_of_the_change_log_without_an_id_are_passed_over(syncing, standin):
    standin.faults(null_change_rate=1.0)
    standin.edit(FIRST + 4)
    syncing.run("census")
    run = syncing.run("delta")
    assert (run["state"], run["done_count"]) == ("done", 0)
    assert syncing.values("select count(*) from sync_item where changed_at is not null") == [0]


def test_lists_hold_each_movie_once_however_their_pages_shift(syncing, standin):
    standin.faults(duplicate_rate=0.3, drift=2)
    syncing.run("lists")
    rows = syncing.rows("select list_name, movie_id from featured_movie")
    pairs = [(row["list_name"], row["movie_id"]) for row in rows]
    assert len(pairs) == len(set(pairs)) > 0


def test_a_backfill_killed_at_any_time_resumes_to_the_same_tables(
    synced, standin, settings, tmp_path
):
    expected = synced.content()
    with synced.context.database.begin() as connection:
        connection.exec_driver_sql(f"truncate {', '.join(CONTENT)}, sync_run, outbox cascade")
    synced.run("reference")
    synced.run("census")
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_STREAMS_URL": settings.redis_streams_url,
        "REDIS_CACHE_URL": settings.redis_cache_url,
        "INTERNAL_KEY": settings.internal_key.get_secret_value(),
        "TMDB_READ_TOKEN": settings.tmdb_read_token.get_secret_value(),
        "TMDB_BASE_URL": settings.tmdb_base_url,
        "TMDB_EXPORT_URL": settings.tmdb_export_url,
        "TMDB_RATE": "100",
        "CATALOG_SOURCE": "standin",
        "SYNC_BATCH_SIZE": "10",
    }
    command = [sys.executable, "-m", "catalog", "sync", "backfill"]
    count = "select count(*) from movie"
    for _ in range(3):
        (before,) = synced.values(count)
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            eventually(lambda seen=before: synced.values(count)[0] > seen, within=60)
            process.send_signal(signal.SIGKILL)
    assert 0 < synced.values(count)[0] < SIZE
    # PostgreSQL has noticed by then that nobody listens any more.
    held = (
        "select count(*) from pg_locks l join pg_database d on d.oid = l.database"
        " where locktype = 'advisory' and datname = current_database()"
    )
    eventually(lambda: synced.values(held) == [0], within=60)
    synced.run("backfill")
    assert synced.content() == expected
    failed = synced.values("select error from sync_run where state = 'failed'")
    assert set(failed) == {"its process ended"}
    told = {m.movie_id for fact in facts_of(synced, events.MoviesChanged) for m in fact.movies}
    assert len(told) == SIZE
    for table, column, parent, key in PARENTS:
        orphans = f"select count(*) from {table} c where not exists"
        assert synced.values(f"{orphans} (select from {parent} p where p.{key} = c.{column})") == [
            0
        ], table


def test_a_stage_that_somebody_else_runs_is_left_to_them(syncing):
    with syncing.context.database.read() as guard:
        assert runs.try_lock(guard, "reference", "standin")
        with pytest.raises(StageBusy):
            syncing.run("reference")
        runs.unlock(guard, "reference", "standin")
    assert syncing.run("reference")["state"] == "done"


def test_two_runs_that_replace_a_list_at_once_take_turns(syncing):
    database, both = syncing.context.database, threading.Barrier(2)

    def replace(movie_ids):
        with database.begin() as connection:
            featured.ids_of(connection, "popular")
            both.wait(20)
            featured.replace(connection, "popular", movie_ids)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(replace, ([1, 2, 3], [4, 5, 6])))
    with database.read() as connection:
        assert featured.ids_of(connection, "popular") in ([1, 2, 3], [4, 5, 6])


def told_of(movie_id, name):
    cast = [{"id": 1, "name": name}]
    return movie_record(
        movie_id, orjson.dumps({"id": movie_id, "title": "Heat", "credits": {"cast": cast}})
    )


def test_a_person_another_process_wrote_meanwhile_is_written_again(syncing):
    ours, others = Familiar(), Familiar()
    for movie_id, familiar, name in ((1, ours, "A"), (2, others, "B"), (3, ours, "A")):
        familiar.begin()
        with syncing.context.database.begin() as connection:
            load_movies(connection, "standin", [told_of(movie_id, name)], familiar)
        familiar.committed()
    assert syncing.values("select name from person") == ["A"]


def test_of_people_who_are_stored_those_are_written_who_are_told_otherwise(syncing):
    first = [
        PersonRecord(1, 'O\'Neal "Shaq", {a\\b}', "Acting", "", 1.5),
        PersonRecord(2, "B", "Acting", "/b.jpg", 0.1),
        PersonRecord(3, "C", "Acting", "", 1e-07),
        PersonRecord(4, "NULL", "", "", 0.0),
        PersonRecord(5, "%s\t", "Sound", "/e.jpg", 2.0),
    ]
    second = [
        first[0],
        structs.replace(first[1], name="Ähnlich"),
        structs.replace(first[2], popularity=2e-07),
        structs.replace(first[3], known_for_department="Art"),
        structs.replace(first[4], profile_path=""),
        PersonRecord(6, "F", "", "", 0.0),
    ]
    for people in (first, second, second):
        before = syncing.values("select xmin::text from person where person_id = 1")
        movie = structs.replace(told_of(1, "A"), people=tuple(people))
        with syncing.context.database.begin() as connection:
            shared.write(connection, [movie], Familiar())
    columns = "name, known_for_department, profile_path, popularity"
    stored = syncing.rows(f"select person_id, {columns} from person order by person_id")
    assert [PersonRecord(**row) for row in stored] == second
    assert syncing.values("select xmin::text from person where person_id = 1") == before
    assert syncing.values("select name_key from person where person_id = 2") == ["ahnlich"]
    assert syncing.values("select count(*) from name_word where word in ('ahnlich', 'f')") == [2]


@pytest.mark.parametrize("stored_meanwhile", [[], [1], [2], [1, 2]])
def test_what_was_made_ready_counts_only_for_movies_that_nobody_stored_meanwhile(
    syncing, stored_meanwhile
):
    database = syncing.context.database
    records = [told_of(2, "B"), told_of(1, "A")]
    made_ready = ready("standin", records)
    with database.begin() as connection:
        others = [told_of(movie_id, "A") for movie_id in stored_meanwhile]
        load_movies(connection, "import", others, Familiar())
    with database.begin() as connection:
        written = load_movies(connection, "standin", records, Familiar(), made_ready)
    assert written.created_count == 2 - len(stored_meanwhile)
    assert written.updated_count == len(stored_meanwhile)
    versions = syncing.values("select version from movie order by tmdb_id")
    assert versions == [1 + (movie_id in stored_meanwhile) for movie_id in (1, 2)]
    assert syncing.values("select distinct source from movie") == ["standin"]
    assert syncing.values("select person_id from credit order by movie_id") == [1, 1]
