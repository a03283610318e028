"""Every fault, switched on and off while the server runs."""

import asyncio
import gzip
import json
import zlib
from email.utils import parsedate_to_datetime

import httpx
import pytest
from standin_process import TOKEN, asked_of

from tmdb_standin.api import Api
from tmdb_standin.faults import Faults
from tmdb_standin.meter import Meter
from tmdb_standin.settings import Settings

FIRST_ID = 900_000_001
PATH = f"/3/movie/{FIRST_ID}"


def switch(client: httpx.Client, **faults: object) -> dict:
    response = client.put("/_faults", json=faults)
    assert response.status_code == 200, response.text
    return response.json()


def raw(client: httpx.Client, path: str) -> tuple[httpx.Headers, bytes]:
    with client.stream("GET", path) as response:
        return response.headers, b"".join(response.iter_raw())


def test_an_unknown_fault_is_refused_by_name(switched):
    response = switched.put("/_faults", json={"gremlins": 1})
    assert response.status_code == 422
    assert "gremlins" in response.text
    assert switched.put("/_faults", content=b"{").status_code == 422
    assert switched.post("/_faults").status_code == 404


@pytest.mark.parametrize("form", ["none", "seconds", "date"])
def test_the_next_requests_are_limited_with_or_without_retry_after(switched, form):
    switch(switched, rate_limited_next=2, retry_after=form, retry_after_seconds=3)
    responses = [switched.get(PATH) for _ in range(3)]
    assert [response.status_code for response in responses] == [429, 429, 200]
    assert responses[0].json()["status_code"] == 25
    said = responses[0].headers.get("retry-after")
    if form == "date":
        sent = parsedate_to_datetime(responses[0].headers["date"])
        assert (parsedate_to_datetime(said) - sent).total_seconds() == 3
    else:
        assert said == {"none": None, "seconds": "3"}[form]


def test_a_cap_a_second_limits_what_is_over_it(switched):
    switch(switched, rate_limit_per_second=1)
    statuses = [switched.get(PATH).status_code]
    # On the slowest of machines two of so many come in one second.
    while 429 not in statuses and len(statuses) < 1000:
        statuses.append(switched.get(PATH).status_code)
    assert statuses == [200] * (len(statuses) - 1) + [429]
    assert switched.get("/_faults").json()["busiest_second"] == 2


def test_any_second_is_counted_and_not_only_the_clocks():
    moments = [0.0, 0.9, 0.95, 1.0, 1.05, 1.96, 5.0]
    meter = Meter(iter(moments).__next__)
    assert [meter.count() for _ in moments] == [1, 2, 3, 3, 4, 3, 1]
    assert (meter.busiest_second, meter.requests) == (4, 7)


def test_a_rate_strikes_the_same_requests_every_time(switched):
    runs = []
    for _ in range(2):
        switch(switched, rate_limited_rate=0.3)
        runs.append([switched.get(PATH).status_code for _ in range(60)])
    assert runs[0] == runs[1]
    assert 5 < runs[0].count(429) < 35


@pytest.mark.parametrize(("status", "code"), [(500, 11), (502, 43), (503, 46), (504, 24)])
def test_server_errors_are_tmdbs(switched, status, code):
    switch(switched, error_next=1, error_status=status)
    response = switched.get(PATH)
    assert (response.status_code, response.json()["status_code"]) == (status, code)
    assert switched.get(PATH).status_code == 200


def test_tokens_can_be_refused(switched):
    switch(switched, refuse_tokens=True)
    assert switched.get(PATH).status_code == 401


def test_a_stale_body_is_that_of_the_moment_its_headers_tell(switched):
    switched.put("/_clock", json={"now": "2026-06-15T12:00:00Z"})
    before = switched.get(PATH).json()
    switched.put("/_clock", json={"advance_seconds": 3600})
    switched.post("/_edits", json={"ids": [FIRST_ID]})
    switch(switched, stale_rate=1, stale_seconds=1800)
    stale = switched.get(PATH)
    age = int(stale.headers["age"]) + int(stale.headers["x-memc-age"])
    assert (age, stale.json()) == (1800, before)
    switched.put("/_clock", json={"advance_seconds": 1801})
    assert switched.get(PATH).json() != before


def test_duplicates_and_drift_repeat_entries_over_pages(switched):
    for faults in ({"duplicate_rate": 0.3}, {"drift": 2}):
        switch(switched, **faults)
        pages = [switched.get(f"/3/movie/popular?page={n}").json() for n in (1, 2, 3)]
        ids = [entry["id"] for page in pages for entry in page["results"]]
        assert len(ids) > len(set(ids))


@pytest.mark.parametrize("drift", [1, 2, 19])
def test_a_list_that_drifts_holds_every_movie_and_comes_to_an_end(switched, drift):
    for _ in range(2):
        switch(switched, drift=drift)
        seen, page, pages = [], 0, 1
        while page < pages:
            page += 1
            body = switched.get(f"/3/movie/popular?page={page}").json()
            pages = body["total_pages"]
            seen += [entry["id"] for entry in body["results"]]
            assert page < 500
        assert len(set(seen)) == 400
        assert len(seen) > 400


def test_lists_that_would_never_end_are_refused(switched):
    assert switched.put("/_faults", json={"drift": 20}).status_code == 422


def test_only_is_of_requests_and_not_of_movies_or_tokens(switched):
    switch(switched, only="/elsewhere/", error_rate=1, deleted_ids=[FIRST_ID])
    assert switched.get(PATH).status_code == 404
    switch(switched, only="/elsewhere/", refuse_tokens=True)
    assert switched.get(PATH).status_code == 401


def test_fields_become_null_at_a_rate(switched):
    switch(switched, null_rate=1)
    movie = switched.get(PATH).json()
    assert (movie["poster_path"], movie["popularity"], movie["genres"]) == (None, None, [])
    switch(switched, null_change_rate=1)
    entries = switched.get("/3/movie/changes").json()["results"]
    assert entries
    assert all(entry["id"] is None and entry["adult"] is None for entry in entries)


def test_corrupt_movies_are_exactly_those_reported(switched):
    reported = switch(switched, corrupt_rate=0.05)["corrupt_ids"]
    assert 5 < len(reported) < 50
    switch(switched)
    sound = {n: switched.get(f"/3/movie/{FIRST_ID + n}").json() for n in range(400)}
    switch(switched, corrupt_rate=0.05)
    for n, body in sound.items():
        is_sound = switched.get(f"/3/movie/{FIRST_ID + n}").json() == body
        assert is_sound is (str(FIRST_ID + n) not in reported)


def test_named_movies_can_be_corrupt_or_gone(switched):
    report = switch(switched, corrupt_ids=[FIRST_ID], deleted_ids=[FIRST_ID + 1])
    assert list(report["corrupt_ids"]) == [str(FIRST_ID)]
    assert report["deleted_ids"] == [FIRST_ID + 1]
    gone = switched.get(f"/3/movie/{FIRST_ID + 1}")
    assert (gone.status_code, gone.json()["status_code"]) == (404, 34)
    _, export = raw(switched, "/p/exports/movie_ids_06_15_2026.json.gz")
    ids = [json.loads(line)["id"] for line in gzip.decompress(export).splitlines()]
    assert FIRST_ID + 1 not in ids
    assert FIRST_ID in ids


def test_truncated_bodies_are_no_json(switched):
    switch(switched, truncated_rate=1)
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated|delimiter"):
        json.loads(raw(switched, PATH)[1])


def test_gzip_comes_unasked_and_may_break_half_way(switched):
    plain = raw(switched, PATH)[1]
    switch(switched, gzip_rate=1)
    headers, packed = raw(switched, PATH)
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    switch(switched, corrupt_gzip_rate=1)
    headers, packed = raw(switched, PATH)
    assert headers["content-encoding"] == "gzip"
    with pytest.raises((EOFError, zlib.error)):
        gzip.decompress(packed)


def test_a_truncated_export_ends_in_the_middle(switched):
    switch(switched, truncated_rate=1, only="/p/exports/")
    with pytest.raises((EOFError, zlib.error)):
        gzip.decompress(raw(switched, "/p/exports/movie_ids_06_15_2026.json.gz")[1])
    assert switched.get(PATH).status_code == 200


async def test_the_order_of_requests_decides_what_each_meets(tmp_path):
    rates = ("error_rate", "rate_limited_rate", "stale_rate", "truncated_rate", "slow_rate")
    runs = []
    for delay in (0, 30):
        faults = Faults.model_validate(
            dict.fromkeys(rates, 0.3)
            | {"error_next": 1, "rate_limited_next": 1, "delay_milliseconds": delay}
        )
        told = {"faults": faults, "now": "2026-06-15T12:00:00Z", "export_folder": tmp_path}
        api = Api(Settings.model_validate({"token": TOKEN} | told))
        answers = await asyncio.gather(*(asked_of(api, PATH) for _ in range(60)))
        runs.append([(one.status_code, one.headers, one.content) for one in answers])
    assert runs[0] == runs[1]
    assert {status for status, _, _ in runs[0]} == {200, 429, 503}


def test_a_slow_answer_outlasts_an_impatient_client(switched):
    switch(switched, delay_milliseconds=60_000)
    with pytest.raises(httpx.ReadTimeout):
        switched.get(PATH, timeout=0.2)


def test_faults_can_be_on_from_the_start(serve):
    client = serve(FAULTS='{"error_next": 1, "error_status": 502}')
    assert [client.get(PATH).status_code for _ in range(2)] == [502, 200]


async def test_others_are_answered_while_the_chosen_movies_are_looked_for(tmp_path):
    told = {"token": TOKEN, "size": 10_000, "export_folder": tmp_path}
    api = Api(Settings.model_validate(told))
    faults = b'{"corrupt_rate": 1e-3, "deleted_rate": 1e-3, "refuse_tokens": true}'
    reporting = asyncio.create_task(asked_of(api, "/_faults", method="PUT", body=faults))
    while (await asked_of(api, PATH)).status_code != 401:
        await asyncio.sleep(0)
    assert not reporting.done()
    report = (await reporting).json()
    assert report["corrupt_ids"]
    assert (await asked_of(api, "/_faults")).json()["deleted_ids"] == report["deleted_ids"] != []
