"""Imports: uploaded in chunks, read once whatever happens, reported row by row."""

import hashlib
import io
import json
import threading
import tracemalloc
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from interactions_world import refused

from chassis.database import Database
from chassis.erasure import Tombstones
from chassis.errors import Unavailable
from chassis.events import stream_key
from chassis.jobs import Worker
from chassis.outbox import Relay
from chassis.rpc import Registration
from chassis.testing import eventually
from interactions.domain.entries import Movie
from interactions.domain.imports import ROWS_AT_ONCE
from interactions.jobs import CHORES, job_functions
from interactions.operations.matching import Matching
from interactions.settings import Settings
from interactions.store import imports, movies
from interactions.wiring import eraser_of, worker_of
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.interactions.v1 import events_pb2 as events
from marquee.users.v1 import users_pb2_grpc

HEADER = "Date,Name,Year,Letterboxd URI,Rating\n"
NOWHERE = "redis://127.0.0.1:1/0"


def rated(*rows: tuple[str, float], at: str = "2020-05-01") -> str:
    return HEADER + "".join(f"{at},{title},2000,,{rating}\n" for title, rating in rows)


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return buffer.getvalue()


@pytest.fixture
def worker(database: Database, others) -> Worker:
    matching = Matching(others)  # pyright: ignore[reportArgumentType]
    return Worker(
        name="interactions",
        database=database,
        redis_url=NOWHERE,
        handlers=job_functions(
            database, matching, others, Tombstones("k"), lambda: datetime.now(UTC)
        ),
        chores=CHORES,
        instance="tests",
    )


@pytest.fixture
def upload() -> Callable[..., Any]:
    """`upload(person, content)` has a file imported; the import as it was when it started."""

    def send(person, content: str | bytes, *, name: str = "ratings.csv", **more: str) -> Any:
        data = content.encode() if isinstance(content, str) else content
        opened = getattr(
            person.CreateImport(**{"source": "letterboxd", "filename": name, **more}), "import"
        )
        for number, place in enumerate(range(0, len(data), 1000)):
            piece = data[place : place + 1000]
            person.AppendImport(import_id=opened.import_id, chunk_number=number, data=piece)
        return getattr(person.StartImport(import_id=opened.import_id), "import")

    return send


def outcome(person, started) -> tuple[str, int, int, int]:
    found = getattr(person.GetImport(import_id=started.import_id), "import")
    return found.state, found.imported_count, found.unchanged_count, found.skipped_count


def reasons(person, started) -> list[tuple[int, str, str]]:
    reply = person.GetImport(import_id=started.import_id)
    return [(error.row, error.title, error.reason) for error in reply.errors]


def scalars(database: Database, statement: str) -> list[Any]:
    with database.begin() as connection:
        return list(connection.execute(sa.text(statement)).scalars())


def test_an_archive_becomes_ratings_reviews_favorites_watchlist_and_hidden_movies(
    person, worker, upload, database
):
    somebody = person()
    plain = "Date,Name,Year,Letterboxd URI\n"
    reviews = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
    content = zipped(
        ratings=rated(("Movie 1", 4.5), ("Movie 2", 0.5), ("Twin", 3), ("Unheard of", 3)),
        reviews=reviews + "2020-05-01,Movie 1,2000,,4.5,,Loved it.,,2020-05-01\n",
        watched=plain + "2020-05-01,Movie 1,2000,\n2020-05-02,Movie 3,2000,\n",
        watchlist=plain + "2020-05-03,Movie 4,2000,\n",
        **{"likes/films": plain + "2020-05-04,Movie 1,2000,\n"},
    )
    started = upload(somebody, content, name="export.zip")
    assert started.state == "queued"
    worker.run_waiting()

    assert outcome(somebody, started) == ("done", 5, 2, 2)
    assert reasons(somebody, started) == [
        (3, "Twin (2000)", "2 movies fit it equally well"),
        (4, "Unheard of (2000)", "no movie of the catalogue fits it"),
    ]
    rating = somebody.GetRating(movie_id=1).rating
    assert (rating.rating, rating.review) == (4.5, "Loved it.")
    assert rating.rated_at.ToDatetime(tzinfo=UTC) == datetime(2020, 5, 1, tzinfo=UTC)
    assert [one.movie_id for one in somebody.ListFavorites().favorites] == [1]
    assert [one.movie_id for one in somebody.ListWatchlist().entries] == [4]
    (hidden,) = somebody.ListHiddenMovies().hidden_movies
    assert (hidden.movie_id, hidden.reason) == (3, "seen")

    (payload,) = scalars(database, "select payload from outbox where type like '%ImportFinished'")
    told = events.ImportFinished.FromString(payload)
    assert told.sequence == somebody.ListRatings().sequence
    assert (told.imported_count, told.unchanged_count, told.skipped_count) == (5, 2, 2)
    assert scalars(database, "select count(*) from import_chunk") == [0]
    for kind in ("FavoriteAdded", "WatchlistEntryAdded", "MovieHidden"):
        (payload,) = scalars(database, f"select payload from outbox where type like '%{kind}'")
        assert getattr(events, kind).FromString(payload).imported


def test_the_same_file_again_changes_nothing(person, worker, upload, database):
    somebody = person()
    content = zipped(
        ratings=rated(*[(f"Movie {n}", 4.0) for n in range(1, 31)]),
        watchlist="Date,Name,Year,Letterboxd URI\n2020-05-03,Movie 40,2000,\n",
        watched="Date,Name,Year,Letterboxd URI\n2020-05-03,Movie 41,2000,\n",
    )
    first = upload(somebody, content, name="export.zip")
    worker.run_waiting()
    before = scalars(database, "select count(*) from outbox where type not like '%ImportFinished'")
    second = upload(somebody, content, name="export.zip")
    worker.run_waiting()
    assert outcome(somebody, first) == ("done", 32, 0, 0)
    assert outcome(somebody, second) == ("done", 0, 32, 0)
    assert before == scalars(
        database, "select count(*) from outbox where type not like '%ImportFinished'"
    )
    assert somebody.ListRatings().sequence == 32


def test_what_was_said_here_later_is_left_alone(person, worker, upload):
    somebody = person()
    somebody.RateMovie(movie_id=1, rating=1.0)
    somebody.RateMovie(movie_id=2, rating=1.0)
    somebody.DeleteRating(movie_id=2)
    somebody.AddToWatchlist(movie_id=3, note="mine")
    somebody.AddToWatchlist(movie_id=4)
    somebody.RemoveFromWatchlist(movie_id=4)
    content = zipped(
        ratings=rated(("Movie 1", 5), ("Movie 2", 5)),
        watchlist="Date,Name,Year,Letterboxd URI\n2020-05-03,Movie 3,,\n2020-05-03,Movie 4,,\n",
    )
    started = upload(somebody, content, name="export.zip")
    worker.run_waiting()
    assert outcome(somebody, started) == ("done", 0, 4, 0)
    assert somebody.GetRating(movie_id=1).rating.rating == 1.0
    assert [one.note for one in somebody.ListWatchlist().entries] == ["mine"]
    assert len(somebody.ListRatings().ratings) == 1


def test_a_run_that_is_cut_off_is_gone_on_with_and_each_row_counts_once(
    person, worker, upload, database, others
):
    with database.begin() as connection:
        movies.replace_movies(
            connection,
            [Movie(one, f"Movie {one}", version=1) for one in range(100, 100 + 3 * ROWS_AT_ONCE)],
            changed_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    somebody = person()
    rows = [(f"Movie {one}", 3.5) for one in range(100, 100 + 3 * ROWS_AT_ONCE)]
    started = upload(somebody, rated(*rows))

    # The catalogue goes away after the first batch: the run ends there, and is tried again.
    answer, calls = others.BatchMatchMovies, []

    def goes_away(request, timeout):
        calls.append(len(request.clues))
        if len(calls) == 2:
            raise Unavailable("away")
        return answer(request, timeout)

    others.BatchMatchMovies = goes_away
    worker.run_waiting()
    assert outcome(somebody, started) == ("running", ROWS_AT_ONCE, 0, 0)
    with database.begin() as connection:
        connection.execute(sa.text("update job set run_after = now()"))
    worker.run_waiting()
    assert outcome(somebody, started) == ("done", 3 * ROWS_AT_ONCE, 0, 0)
    assert somebody.ListRatings().sequence == 3 * ROWS_AT_ONCE
    assert calls == [ROWS_AT_ONCE] * 4


def test_two_runs_at_once_do_the_rows_once(person, worker, upload, database, others):
    """A worker that lost its lease finds the rows done, and gives up."""
    somebody = person()
    started = upload(somebody, rated(*[(f"Movie {one}", 3.5) for one in range(1, 51)]))
    answer, entered = others.BatchMatchMovies, threading.Event()

    def taken_over(request, timeout):
        if not entered.is_set():
            entered.set()
            with database.begin() as connection:
                connection.execute(sa.text("update job set state = 'queued', leased_by = null"))
            worker.run_waiting()
        return answer(request, timeout)

    others.BatchMatchMovies = taken_over
    worker.run_waiting()
    assert outcome(somebody, started) == ("done", 50, 0, 0)
    assert scalars(database, "select count(*) from outbox where type like '%ImportFinished'") == [1]


def test_a_file_that_is_none_fails_with_a_sentence(person, worker, upload, database):
    somebody = person()
    started = upload(somebody, "a,b\n1,2\n")
    worker.run_waiting()
    found = getattr(somebody.GetImport(import_id=started.import_id), "import")
    assert found.state == "failed"
    assert "columns" in found.error
    assert scalars(database, "select count(*) from import_chunk") == [0]


def test_a_movie_whose_event_has_not_come_is_learnt(person, worker, upload, others):
    others.movies[777] = catalog_pb2.Movie(movie_id=777, title="Movie 777")
    others.movies[778] = catalog_pb2.Movie(movie_id=778, title="Movie 778", removed=True)
    somebody = person()
    started = upload(somebody, rated(("Movie 777", 5), ("Movie 778", 5)))
    worker.run_waiting()
    assert outcome(somebody, started) == ("done", 1, 0, 1)
    assert somebody.GetRating(movie_id=777).rating.rating == 5.0
    assert reasons(somebody, started) == [
        (2, "Movie 778 (2000)", "its movie has left the catalogue")
    ]


def test_the_report_comes_in_pages(person, worker, upload):
    somebody = person()
    started = upload(somebody, rated(*[(f"Nothing {one}", 3) for one in range(25)]))
    worker.run_waiting()
    rows, token = [], ""
    while True:
        reply = somebody.GetImport(import_id=started.import_id, page_size=10, page_token=token)
        rows += [error.row for error in reply.errors]
        token = reply.next_page_token
        if not token:
            break
    assert rows == list(range(1, 26))


def test_a_report_has_an_end(person, worker, upload, database):
    somebody = person()
    started = upload(somebody, HEADER + "2020-05-01,Movie 1,2000,,11\n" * 10_300)
    worker.run_waiting()
    assert outcome(somebody, started) == ("done", 0, 0, 10_300)
    told = "select count(*) from import_row_error"
    assert scalars(database, told) == [10_000]


def test_an_upload_is_its_owners_alone(person, upload):
    somebody, other = person(), person()
    started = upload(somebody, rated(("Movie 1", 5)))
    missing = ("NOT_FOUND", "IMPORT_NOT_FOUND")
    same = {"import_id": started.import_id}
    assert refused(lambda: other.GetImport(**same)) == missing
    assert refused(lambda: other.StartImport(**same)) == missing
    assert refused(lambda: other.AppendImport(**same, chunk_number=0, data=b"x")) == missing
    assert refused(lambda: somebody.GetImport(import_id=str(uuid.uuid4()))) == missing


def test_chunks_are_checked(person):
    somebody = person()
    opened = getattr(somebody.CreateImport(source="imdb", request_id="r"), "import")
    again = getattr(somebody.CreateImport(source="imdb", request_id="r"), "import")
    assert again.import_id == opened.import_id
    reused = refused(lambda: somebody.CreateImport(source="trakt", request_id="r"))
    assert reused == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")

    same = {"import_id": opened.import_id}
    invalid = ("INVALID_ARGUMENT", "INVALID")
    assert refused(lambda: somebody.AppendImport(**same, data=b"")) == invalid
    assert refused(lambda: somebody.AppendImport(**same, data=bytes(2**20 + 1))) == invalid
    assert refused(lambda: somebody.AppendImport(**same, chunk_number=-1, data=b"x")) == invalid
    assert refused(lambda: somebody.AppendImport(import_id="x", data=b"x")) == invalid
    assert refused(lambda: somebody.StartImport(**same, content_sha256=b"x")) == invalid
    assert refused(lambda: somebody.CreateImport(source="netflix")) == invalid

    somebody.AppendImport(**same, chunk_number=1, data=b"b")
    incomplete = refused(lambda: somebody.StartImport(**same))
    assert incomplete == ("FAILED_PRECONDITION", "IMPORT_INCOMPLETE")
    somebody.AppendImport(**same, chunk_number=0, data=b"aa")
    assert somebody.AppendImport(**same, chunk_number=0, data=b"a").received_bytes == 2
    digest = hashlib.sha256(b"ab").digest()
    somebody.StartImport(**same, content_sha256=digest)
    somebody.StartImport(**same, content_sha256=digest)
    other = refused(lambda: somebody.StartImport(**same, content_sha256=bytes(32)))
    assert other == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    late = refused(lambda: somebody.AppendImport(**same, chunk_number=2, data=b"c"))
    assert late == ("FAILED_PRECONDITION", "IMPORT_STARTED")


def test_an_upload_that_broke_off_is_gone_on_with_by_the_same_file_alone(person, worker):
    somebody, key = person(), {"source": "letterboxd", "request_id": "r"}
    opened = getattr(somebody.CreateImport(**key), "import")
    first, other = rated(("Movie 1", 5)).encode(), rated(("Movie 2", 1)).encode()
    same = {"import_id": opened.import_id}
    somebody.AppendImport(**same, chunk_number=0, data=first[:30])
    somebody.AppendImport(**same, chunk_number=1, data=first[30:50])

    assert getattr(somebody.CreateImport(**key), "import").import_id == opened.import_id
    somebody.AppendImport(**same, chunk_number=0, data=other)
    mixed = {**same, "content_sha256": hashlib.sha256(other).digest()}
    reused = refused(lambda: somebody.StartImport(**mixed))
    assert reused == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")

    somebody.AppendImport(**same, chunk_number=0, data=first[:30])
    somebody.AppendImport(**same, chunk_number=1, data=first[30:])
    somebody.StartImport(**same, content_sha256=hashlib.sha256(first).digest())
    worker.run_waiting()
    assert outcome(somebody, opened) == ("done", 1, 0, 0)


def test_an_upload_that_was_forgotten_begins_anew_under_the_same_key(person, database):
    somebody = person()
    opened = getattr(somebody.CreateImport(source="imdb", request_id="r"), "import")
    with database.begin() as connection:
        imports.drop_abandoned(connection, idle=timedelta(0))
    again = getattr(somebody.CreateImport(source="imdb", request_id="r"), "import")
    assert (again.state, again.import_id != opened.import_id) == ("uploading", True)
    same = getattr(somebody.CreateImport(source="imdb", request_id="r"), "import")
    assert same.import_id == again.import_id


def test_an_export_holds_a_piece_of_an_upload_at_a_time(person):
    somebody = person()
    opened = getattr(somebody.CreateImport(source="imdb"), "import")
    for number in range(20):
        piece = bytes(1024 * 1024)
        somebody.AppendImport(import_id=opened.import_id, chunk_number=number, data=piece)
    token, chunks_count = "", 0
    tracemalloc.start()
    while True:
        reply = somebody.ExportPersonalData(page_token=token)
        chunks_count += len(json.loads(reply.document_json).get("import_chunks", ()))
        token = reply.next_page_token
        if not token:
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert chunks_count == 20
    assert peak < 32 * 1024 * 1024


def test_a_file_may_have_20_mib_and_no_more(person):
    somebody = person()
    opened = getattr(somebody.CreateImport(source="imdb"), "import")
    for number in range(20):
        somebody.AppendImport(
            import_id=opened.import_id, chunk_number=number, data=bytes(1024 * 1024)
        )
    more = {"import_id": opened.import_id, "chunk_number": 20, "data": b"x"}
    assert refused(lambda: somebody.AppendImport(**more)) == ("INVALID_ARGUMENT", "INVALID")


def test_five_unfinished_imports_are_enough_for_anybody(person):
    somebody = person()
    for _number in range(5):
        somebody.CreateImport(source="imdb")
    too_many = refused(lambda: somebody.CreateImport(source="imdb"))
    assert too_many == ("FAILED_PRECONDITION", "TOO_MANY_IMPORTS")
    person().CreateImport(source="imdb")


def test_an_upload_that_broke_off_makes_way_for_another(person, database):
    somebody = person()
    opened = [getattr(somebody.CreateImport(source="imdb"), "import") for _ in range(5)]
    silent = "update import set updated_at = now() - interval '31 seconds' where import_id = :one"
    with database.begin() as connection:
        connection.execute(sa.text(silent), {"one": opened[2].import_id})
    somebody.CreateImport(source="imdb")
    gone = refused(lambda: somebody.GetImport(import_id=opened[2].import_id))
    assert gone == ("NOT_FOUND", "IMPORT_NOT_FOUND")
    too_many = refused(lambda: somebody.CreateImport(source="imdb"))
    assert too_many == ("FAILED_PRECONDITION", "TOO_MANY_IMPORTS")


def test_what_nobody_goes_on_with_is_tidied_away(person, worker, upload, database):
    somebody = person()
    somebody.CreateImport(source="imdb")
    given_up = upload(somebody, rated(("Movie 1", 5)))
    old = upload(somebody, rated(("Movie 1", 5)))
    with database.begin() as connection:
        connection.execute(
            sa.text("update import set updated_at = :then where state = 'uploading'"),
            {"then": datetime.now(UTC) - timedelta(hours=2)},
        )
        connection.execute(
            sa.text("update job set state = 'failed' where key = :key"), {"key": given_up.import_id}
        )
    worker.run_waiting()
    with database.begin() as connection:
        connection.execute(
            sa.text("update import set finished_at = :then where import_id = :id"),
            {"then": datetime.now(UTC) - timedelta(days=91), "id": old.import_id},
        )
    worker.tick()
    worker.run_waiting()
    assert scalars(database, "select import_id::text from import") == [given_up.import_id]
    found = getattr(somebody.GetImport(import_id=given_up.import_id), "import")
    assert (found.state, found.error) == ("failed", "it could not be read to its end")


def test_of_a_persons_imports_that_have_ended_the_newest_twenty_stay(person, database):
    somebody, other = person(), person()
    ended = """
        insert into import (import_id, user_id, state, finished_at)
        select gen_random_uuid(), :user_id, 'done', now() - number * interval '1 hour'
        from generate_series(1, 25) as number
    """
    with database.begin() as connection:
        for one in (somebody, other):
            connection.execute(sa.text(ended), {"user_id": one.user_id})
    opened = getattr(somebody.CreateImport(source="imdb"), "import")
    theirs = f"from import where user_id = '{somebody.user_id}'"
    assert scalars(database, f"select count(*) {theirs}") == [20 + 1]
    oldest = f"select min(finished_at) > now() - interval '21 hours' {theirs}"
    assert scalars(database, oldest) == [True]
    assert scalars(database, "select count(*) from import") == [20 + 1 + 25]
    assert getattr(somebody.GetImport(import_id=opened.import_id), "import").state == "uploading"


def test_an_import_is_told_after_what_it_brought(person, worker, upload, database, redis_streams):
    """Whoever hears that it has ended has been told of all its ratings before."""
    somebody = person()
    upload(somebody, rated(("Movie 1", 5), ("Movie 2", 4)))
    worker.run_waiting()
    Relay(database, redis_streams).publish_waiting()
    entries = redis_streams.xrange(stream_key("interactions.events"))
    types = [fields[b"type"] for _id, fields in entries]
    assert [one.decode().rpartition(".")[2] for one in types] == [
        "RatingsImported",
        "ImportFinished",
    ]


class BusyCatalog(catalog_pb2_grpc.CatalogServiceServicer):
    """Takes its time over clues."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.permit = threading.Event()

    def BatchMatchMovies(self, request, context):
        self.asked.release()
        self.permit.wait(8)
        nothing = [0] * len(request.clues)
        return catalog_pb2.BatchMatchMoviesResponse(movie_ids=nothing, candidates_counts=nothing)


@contextmanager
def working(worker: Worker) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def test_an_erasure_waits_for_nobodys_imports(person, upload, database, settings_for, running):
    leaver, catalog = person(), BusyCatalog()
    leaver.RateMovie(movie_id=1, rating=5)
    imports_of_others = [upload(person(), rated(("Movie 1", 5))) for _ in range(2)]
    served = running(
        Registration(
            catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
            catalog,
            catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
        )
    )
    settings = settings_for(
        Settings, "interactions", catalog_address=served.target, users_address=served.target
    )
    eraser = eraser_of(settings, database, users_pb2_grpc.UsersServiceStub(served.channel))
    ratings = f"select count(*) from rating where user_id = '{leaver.user_id}'"
    with working(worker_of(settings, database)):
        for _ in imports_of_others:
            assert catalog.asked.acquire(timeout=20)
        with database.begin() as connection:
            eraser.request(connection, uuid.uuid4(), leaver.user_id)
        eventually(lambda: scalars(database, ratings) == [0], within=5)
        assert scalars(database, "select state from import") == ["running", "running"]
        catalog.permit.set()
