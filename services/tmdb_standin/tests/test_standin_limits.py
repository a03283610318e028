"""What nobody sensible asks: it is refused or empty, and what goes wrong all the same is told."""

import pytest
from pydantic import SecretStr
from standin_process import TOKEN, asked_of

from tmdb_standin.api import Api
from tmdb_standin.settings import Settings

FIRST_ID = 900_000_001
DIGITS = "1" * 5000


async def test_an_answer_that_fails_is_tmdbs_error_and_is_logged_with_its_trace(caplog, tmp_path):
    api = Api(Settings(token=SecretStr(TOKEN), export_folder=tmp_path))
    sent = await asked_of(api, "/3/movie/popular", query="api_key=x", headers=None)
    assert (sent.status_code, sent.json()["status_code"]) == (500, 11)
    (record,) = caplog.records
    assert record.exc_info
    assert "/3/movie/popular" in record.getMessage()
    assert "api_key" not in record.getMessage()


@pytest.mark.parametrize(
    "path",
    [
        "/3/discover/movie?primary_release_year=9999",
        "/3/discover/movie?year=1",
        f"/3/discover/movie?with_genres={DIGITS}",
        "/3/movie/changes?end_date=9999-12-31",
        "/3/movie/changes?end_date=0001-01-01",
        "/3/movie/changes?start_date=0001-01-01&end_date=0001-01-02",
    ],
)
def test_what_lies_outside_all_dates_and_numbers_is_an_empty_page(steady, path):
    response = steady.get(path)
    assert response.status_code == 200
    assert response.json()["results"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/3/movie/changes?start_date=9999-12-31", 422, 20),
        ("/3/movie/changes?start_date=2026-W01-1", 400, 23),
        ("/3/movie/popular?page=000000001999", 400, 22),
        (f"/3/movie/popular?page={DIGITS}", 400, 22),
        (f"/3/movie/00000000000{FIRST_ID}5", 404, 6),
        (f"/3/movie/{DIGITS}", 404, 6),
        (f"/3/movie/tt9{DIGITS}", 404, 6),
    ],
)
def test_numbers_and_dates_of_any_length_are_refused_as_tmdb_does(steady, path, status, code):
    response = steady.get(path)
    assert (response.status_code, response.json()["status_code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_faults", '{"deleted_ids": [99999999999999999999]}'),
        ("/_faults", '{"stale_rate": 1, "stale_seconds": 99999999999}'),
        ("/_faults", b"\xff"),
        ("/_clock", '{"advance_seconds": 1e300}'),
        ("/_clock", '{"advance_seconds": 39e9}'),
        ("/_clock", '{"now": "0001-01-01T00:00:00+14:00"}'),
        ("/_clock", '{"now": "2026-06-15T12:00:00"}'),
        ("/_edits", '{"ids": [99999999999999999999]}'),
    ],
)
def test_switches_refuse_what_they_cannot_hold(switched, path, body):
    response = switched.request("POST" if path == "/_edits" else "PUT", path, content=body)
    assert response.status_code == 422
    assert response.json()["error"]
    assert switched.get("/3/movie/changes").status_code == 200


def test_a_moment_in_another_zone_is_told_in_utc(serve):
    client = serve(NOW="2026-06-15T01:30:00+02:00")
    for _ in range(2):
        response = client.get(f"/3/movie/{FIRST_ID}")
        assert (response.status_code, response.headers["date"]) == (
            200,
            "Sun, 14 Jun 2026 23:30:00 GMT",
        )
        client.put("/_clock", json={"now": "2026-06-14T20:30:00-03:00"}).raise_for_status()
    assert client.get("/p/exports/movie_ids_06_15_2026.json.gz").status_code == 404


def test_what_was_answered_is_counted_for_pictures_and_exports_too(switched):
    switched.put("/_faults", json={})
    picture = switched.get("/3/movie/popular").json()["results"][0]["poster_path"]
    for path in (
        f"/t/p/w500{picture}",
        "/t/p/w500/nothing.jpg",
        "/p/exports/movie_ids_06_15_2026.json.gz",
        "/p/exports/movie_ids_06_16_2026.json.gz",
    ):
        switched.get(path)
    assert switched.get("/_faults").json()["statuses"] == {"200": 3, "404": 2}


def test_an_export_that_nobody_hears_to_its_end_is_no_failure(serve, tmp_path):
    client = serve(SIZE=50_000, EXPORT_FOLDER=tmp_path)
    with client.stream("GET", "/p/exports/person_ids_06_15_2026.json.gz") as response:
        next(response.iter_raw())
    assert client.get("/_health").status_code == 200
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("person")]
