"""Exports of other sites become ratings, and the very next recommendations know."""

import io
import json
import os
import signal
import zipfile
from typing import Any

import pytest
from running_suite import Person, Suite, eventually, movie_ids

pytestmark = pytest.mark.e2e


MANY = 20_000


def letterboxd(movies: list[dict[str, Any]]) -> bytes:
    def table(header: str, rows: list[str]) -> str:
        return "\n".join([header, *rows]) + "\n"

    def named(movie: dict[str, Any]) -> str:
        title = movie["title"].replace('"', '""')
        return f'2024-02-03,"{title}",{movie["release_date"][:4]},https://boxd.it/x'

    *rated, wanted = movies
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = [f"{named(movie)},{4.5 if n % 2 else 2.0}" for n, movie in enumerate(rated)]
        rows.append("2024-02-03,A title nobody ever gave,1999,https://boxd.it/y,3")
        archive.writestr("ratings.csv", table("Date,Name,Year,Letterboxd URI,Rating", rows))
        archive.writestr("watchlist.csv", table("Date,Name,Year,Letterboxd URI", [named(wanted)]))
    return buffer.getvalue()


def finished(person: Person, started: dict[str, Any]) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found = person.api.get(f"/me/imports/{started['import_id']}").json()
        return found if found["state"] in ("done", "failed") else None

    return eventually(ended)


def test_an_uploaded_archive_counts_in_the_next_recommendations(suite: Suite) -> None:
    person = suite.person()
    # Titles of the stand-in may repeat: these are told apart by their years.
    movies = person.api.get("/movies", params={"page_size": 20}).json()["items"]
    before = person.recommended(page_size=20)
    files = {"file": ("letterboxd.zip", letterboxd(movies), "application/zip")}
    key = {"Idempotency-Key": "once"}
    reply = person.api.post("/me/imports", data={"source": "letterboxd"}, files=files, headers=key)
    assert reply.status_code == 202, reply.text
    assert reply.headers["location"].endswith(reply.json()["import_id"])
    ended = finished(person, reply.json())
    assert ended["state"] == "done", ended
    assert ended["total_rows_count"] == ended["rows_count"] == 21
    assert ended["imported_count"] + ended["skipped_count"] == 21
    assert ended["imported_count"] >= 15
    assert {
        "file": "ratings.csv",
        "row": 20,
        "title": "A title nobody ever gave (1999)",
        "reason": "no movie of the catalogue fits it",
    } in ended["items"]

    after = person.recommended(page_size=20)
    rated = movie_ids(person.api.get("/me/ratings", params={"page_size": 100}).json())
    assert rated
    assert not set(rated) & set(movie_ids(after))
    assert movie_ids(after) != movie_ids(before)
    assert person.api.get("/me/stats").json()["ratings_count"] == len(rated)

    again = person.api.post("/me/imports", data={"source": "letterboxd"}, files=files, headers=key)
    assert again.json()["import_id"] == reply.json()["import_id"]
    other = {"file": ("letterboxd.zip", letterboxd(movies[:5]), "application/zip")}
    reused = person.api.post("/me/imports", data={"source": "letterboxd"}, files=other, headers=key)
    assert reused.status_code == 422
    assert reused.json()["type"] == "/problems/idempotency-key-reused"
    second = person.api.post("/me/imports", data={"source": "letterboxd"}, files=files)
    twice = finished(person, second.json())
    assert (twice["imported_count"], twice["unchanged_count"]) == (0, ended["imported_count"])

    stranger = suite.person()
    assert stranger.api.get(f"/me/imports/{ended['import_id']}").status_code == 404


@pytest.mark.faults
def test_an_import_whose_worker_service_and_database_are_killed_ends_by_itself(
    suite: Suite,
) -> None:
    person = suite.person()
    movies: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next_page_token": ""}
    while page["next_page_token"] is not None:
        query = {"page_size": 100, "page_token": page["next_page_token"]}
        page = person.api.get("/movies", params=query).json()
        movies += page["items"]
    # By TMDb id, among many more of which there are no movies.
    unknown = range(1_000, 1_000 + MANY - len(movies))
    links = [f"{number},,{one['movie_id']}" for number, one in enumerate(movies)]
    links += [f"{number},,{2**52 + number}" for number in unknown]
    ratings = [f"1,{number},{0.5 + number % 10 / 2},978300760" for number in range(len(movies))]
    ratings += [f"1,{number},3.0,978300760" for number in unknown]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("links.csv", "\n".join(["movieId,imdbId,tmdbId", *links]))
        archive.writestr("ratings.csv", "\n".join(["userId,movieId,rating,timestamp", *ratings]))
    processes = suite.processes()
    names = ("interactions.work", "interactions.serve", "postgres")
    victims = [processes[name]["pid"] for name in names]
    upload = {"file": ("ml.zip", buffer.getvalue(), "application/zip")}
    started = person.api.post("/me/imports", data={"source": "movielens"}, files=upload).json()

    def beyond(rows_count: int) -> dict[str, Any] | None:
        reply = person.api.get(f"/me/imports/{started['import_id']}")
        further = reply.status_code == 200 and reply.json()["rows_count"] > rows_count
        return reply.json() if further else None

    halfway = eventually(lambda: beyond(0))
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    assert halfway["state"] == "running", halfway
    assert halfway["rows_count"] < MANY
    eventually(lambda: beyond(MANY - 1))
    eventually(lambda: all(one["health"] == "healthy" for one in suite.processes().values()))
    ended = finished(person, started)
    assert ended["state"] == "done", ended
    assert ended["total_rows_count"] == ended["rows_count"] == MANY
    assert ended["imported_count"] == len(movies)
    assert ended["skipped_count"] == len(unknown)
    rows = [one["row"] for one in ended["items"]]
    assert rows == sorted(set(rows))
    assert rows[0] > len(movies)
    eventually(lambda: person.api.get("/me/stats").json().get("ratings_count") == len(movies))
    again = person.api.post("/me/imports", data={"source": "movielens"}, files=upload).json()
    twice = finished(person, again)
    assert (twice["imported_count"], twice["unchanged_count"]) == (0, len(movies))


def test_a_file_may_be_the_body_itself(suite: Suite) -> None:
    person = suite.person()
    movie_id = movie_ids(person.api.get("/movies").json())[0]
    entry = {
        "rated_at": "2014-09-01T09:10:11.000Z",
        "rating": 7,
        "type": "movie",
        "movie": {"title": "Whatever", "year": 1990, "ids": {"tmdb": movie_id}},
    }
    reply = person.api.post(
        "/me/imports",
        params={"source": "trakt", "filename": "ratings-movies.json"},
        content=json.dumps([entry]).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert finished(person, reply.json())["imported_count"] == 1
    assert person.api.get(f"/me/ratings/{movie_id}").json()["rating"] == 3.5


def test_what_is_no_upload_is_refused(suite: Suite) -> None:
    api = suite.person().api
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    whole = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--x--\r\n'
    for content, headers, status in (
        (b"", {}, 422),
        (b"a,b", {}, 422),  # no source
        (whole, form, 422),
        (whole[:-8], form, 400),
        (b"--y", form, 400),
        (whole, {"Content-Type": "multipart/form-data"}, 400),
        (whole.replace(b'"file"', b'"other"'), form, 422),
        (whole.replace(b"--x--", b"") + whole, form, 422),
    ):
        reply = api.post("/me/imports", content=content, headers=headers)
        assert reply.status_code == status, (content, reply.text)
        assert reply.headers["content-type"] == "application/problem+json"
    sourced = {"source": "imdb"}
    too_large = api.post("/me/imports", params=sourced, content=bytes(21 * 1024 * 1024))
    assert too_large.status_code == 413
    pieces = iter([bytes(1024 * 1024)] * 21)
    assert api.post("/me/imports", params=sourced, content=pieces).status_code == 413
    assert api.post("/me/imports", params={"source": "netflix"}, content=b"x").status_code == 422
    hostile = api.post("/me/imports", params=sourced, content=b"PK\x03\x04" + bytes(100))
    person_sees = eventually(
        lambda: (
            found
            if (found := api.get(hostile.headers["location"].removeprefix("/api/v1")).json())[
                "state"
            ]
            == "failed"
            else None
        )
    )
    assert person_sees["error"] == "the archive is damaged"
