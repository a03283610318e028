"""Edits, their feed, and daily exports."""

import gzip
import json
from datetime import date, timedelta

import httpx
from standin_process import other_version

FIRST_ID = 900_000_001


def lines(response: httpx.Response) -> list[dict]:
    assert response.status_code == 200
    return [json.loads(line) for line in gzip.decompress(response.content).splitlines()]


def changed(client: httpx.Client, **window: str) -> list[int]:
    page = client.get("/3/movie/changes", params=window).json()
    return [entry["id"] for entry in page["results"]]


def test_an_edit_now_shows_in_the_feed_and_in_the_movie(serve):
    client = serve(DAILY_EDITS=0)
    before = client.get(f"/3/movie/{FIRST_ID}").json()
    assert changed(client) == []
    edited = client.post("/_edits", json={"ids": [FIRST_ID], "count": 3}).json()["edited"]
    assert set(changed(client)) == {int(movie_id) for movie_id in edited}
    after = client.get(f"/3/movie/{FIRST_ID}").json()
    different = {name for name in before if before[name] != after[name]}
    assert different == {edited[str(FIRST_ID)]}
    items = client.get(f"/3/movie/{FIRST_ID}/changes").json()["changes"]
    assert [item["key"] for item in items] == [edited[str(FIRST_ID)]]


def test_edits_at_one_moment_alter_one_thing_after_the_other(serve):
    client = serve(DAILY_EDITS=0)
    edits = [client.post("/_edits", json={"ids": [FIRST_ID]}).json() for _ in range(4)]
    assert len({edit["at"] for edit in edits}) == 1
    changes = client.get(f"/3/movie/{FIRST_ID}/changes").json()["changes"]
    assert [one["key"] for one in changes] == [edit["edited"][str(FIRST_ID)] for edit in edits]
    ids = [item["id"] for one in changes for item in one["items"]]
    assert len(set(ids)) == 4
    for one in changes:
        assert [item["value"] != item["original_value"] for item in one["items"]] == [True]


def test_a_movie_named_twice_is_edited_once(serve):
    client = serve(SIZE=1, DAILY_EDITS=0)
    client.post("/_edits", json={"ids": [FIRST_ID, FIRST_ID], "count": 1}).raise_for_status()
    assert len(client.get(f"/3/movie/{FIRST_ID}/changes").json()["changes"]) == 1


def test_an_edit_of_a_movie_that_there_is_not_is_refused_whole(serve):
    client = serve(DAILY_EDITS=0)
    response = client.post("/_edits", json={"ids": [FIRST_ID, FIRST_ID + 400, 5], "count": 2})
    assert response.status_code == 422
    assert f"{FIRST_ID + 400}, 5" in response.json()["error"]
    assert changed(client) == []


def test_an_edited_text_alters_no_movie_that_is_not_told_in_english(serve):
    client = serve(SIZE=5000, DAILY_EDITS=0)
    query = {"append_to_response": "translations"}

    def told(movie_id: int) -> dict:
        movie = client.get(f"/3/movie/{movie_id}", params=query).json()
        tongues = {one["iso_639_1"] for one in movie["translations"]["translations"]}
        return movie if "en" not in tongues else {}

    untold = {n: movie for n in range(FIRST_ID, FIRST_ID + 300) if (movie := told(n))}
    assert untold
    for _ in range(4):
        edited = client.post("/_edits", json={"ids": list(untold)}).json()["edited"]
        for movie_id, before in untold.items():
            after = told(movie_id)
            kind = edited[str(movie_id)]
            assert (after == before) is (kind in ("overview", "tagline"))
            untold[movie_id] = after


def test_the_calendar_edits_a_share_a_day_and_the_edits_are_real(serve):
    client = serve(SIZE=5000)
    day = {"start_date": "2026-06-10", "end_date": "2026-06-10"}
    ids = changed(client, **day)
    assert len(ids) == 30
    client.put("/_clock", json={"now": "2026-06-09T23:59:59Z"}).raise_for_status()
    before = [client.get(f"/3/movie/{movie_id}").json() for movie_id in ids]
    assert changed(client, **day) == []
    client.put("/_clock", json={"advance_seconds": 86401}).raise_for_status()
    after = [client.get(f"/3/movie/{movie_id}").json() for movie_id in ids]
    content = ("overview", "runtime", "tagline", "budget")
    for old, new in zip(before, after, strict=True):
        assert [old[name] for name in content] != [new[name] for name in content]


def test_a_movie_outside_the_feed_does_not_change(serve):
    client = serve(SIZE=300)
    content = ("overview", "runtime", "tagline", "budget", "title", "release_date")
    client.put("/_clock", json={"now": "2026-06-10T00:00:00Z"}).raise_for_status()
    before = {n: client.get(f"/3/movie/{FIRST_ID + n}").json() for n in range(300)}
    client.put("/_clock", json={"now": "2026-06-11T23:59:59Z"}).raise_for_status()
    feed = changed(client, start_date="2026-06-10", end_date="2026-06-11")
    for n, old in before.items():
        new = client.get(f"/3/movie/{FIRST_ID + n}").json()
        same = [old[name] for name in content] == [new[name] for name in content]
        assert same is (FIRST_ID + n not in feed)


def test_changes_come_a_hundred_a_page(serve):
    client = serve(SIZE=1000, DAILY_EDITS=0.25)
    day = {"start_date": "2026-06-10", "end_date": "2026-06-10"}
    pages = [client.get("/3/movie/changes", params=day | {"page": n}).json() for n in (1, 2, 3)]
    assert [len(page["results"]) for page in pages] == [100, 100, 50]
    assert pages[0]["total_pages"] == 3
    assert pages[0]["total_results"] == 250


def test_an_export_lists_every_movie_that_is_not_adult_as_its_details_do(steady):
    exported = lines(steady.get("/p/exports/movie_ids_06_15_2026.json.gz"))
    adult = lines(steady.get("/p/exports/adult_movie_ids_06_15_2026.json.gz"))
    assert len(exported) + len(adult) == 400
    for line in [*exported[:20], *adult]:
        movie = steady.get(f"/3/movie/{line['id']}").json()
        assert line == {name: movie[name] for name in line}


def test_an_export_made_again_is_the_same(steady):
    path = "/p/exports/movie_ids_06_14_2026.json.gz"
    assert steady.get(path).content == steady.get(path).content


def test_people_collections_and_keywords_are_exported_too(steady):
    for kind in ("person", "collection", "keyword"):
        exported = lines(steady.get(f"/p/exports/{kind}_ids_06_15_2026.json.gz"))
        assert exported
        assert exported[0]["id"] >= FIRST_ID


def test_exports_of_other_days_and_kinds_do_not_exist(steady):
    tomorrow = date(2026, 6, 15) + timedelta(days=1)
    for name in (f"movie_ids_{tomorrow:%m_%d_%Y}", "movie_ids_01_01_2026", "tv_ids_06_15_2026"):
        assert steady.get(f"/p/exports/{name}.json.gz").status_code == 404
    assert steady.get("/p/exports/movie_ids_13_45_2026.json.gz").status_code == 404


def test_an_export_is_that_of_the_moment_it_was_asked_for(serve):
    client, path = serve(SIZE=40_000), "/p/exports/movie_ids_06_15_2026.json.gz"
    with client.stream("GET", path) as response:
        pieces = response.iter_raw()
        body = next(pieces)
        client.put("/_faults", json={"deleted_rate": 1}).raise_for_status()
        body += b"".join(pieces)
    assert lines(client.get(path)) == []
    client.delete("/_faults").raise_for_status()
    assert len(gzip.decompress(body).splitlines()) > 39_000
    assert client.get(path).content == body


def test_an_export_that_another_version_of_the_stand_in_kept_is_made_anew(serve, steady, tmp_path):
    path, folder = "/p/exports/person_ids_06_15_2026.json.gz", tmp_path / "exports"
    other = serve(code=other_version(tmp_path), EXPORT_FOLDER=folder)
    theirs = other.get(path).content
    assert serve(EXPORT_FOLDER=folder).get(path).content == steady.get(path).content != theirs
    assert other.get(path).content == theirs


def test_an_edit_shows_wherever_the_movie_stands(serve):
    client = serve(DAILY_EDITS=0)
    movies = [client.get(f"/3/movie/{FIRST_ID + n}").json() for n in range(400)]
    movie = next(
        one
        for one in movies
        if one["belongs_to_collection"]
        and client.get(f"/3/movie/{one['id']}/credits").json()["cast"]
    )
    star = client.get(f"/3/movie/{movie['id']}/credits").json()["cast"][0]
    for _ in range(4):
        client.post("/_edits", json={"ids": [movie["id"]]}).raise_for_status()
    told = client.get(f"/3/movie/{movie['id']}").json()["overview"]
    assert told != movie["overview"]
    collection = client.get(f"/3/collection/{movie['belongs_to_collection']['id']}").json()
    credited = client.get(f"/3/person/{star['id']}/movie_credits").json()
    for entries in (collection["parts"], credited["cast"]):
        assert {one["overview"] for one in entries if one["id"] == movie["id"]} == {told}
    found = client.get("/3/search/person", params={"query": star["name"]}).json()["results"]
    known = [one for person in found for one in person["known_for"]]
    assert {one["overview"] for one in known if one["id"] == movie["id"]} <= {told}


def test_a_stale_change_log_lacks_what_was_edited_since(serve):
    client = serve(DAILY_EDITS=0)
    client.post("/_edits", json={"ids": [FIRST_ID]}).raise_for_status()
    client.put("/_clock", json={"advance_seconds": 3600}).raise_for_status()
    for stale_seconds, ids in ((1800, [FIRST_ID]), (5400, [])):
        faults = {"stale_rate": 1, "stale_seconds": stale_seconds}
        client.put("/_faults", json=faults).raise_for_status()
        assert changed(client) == ids
        assert changed(client, start_date="2026-06-15") == ids
        of_movie = client.get(f"/3/movie/{FIRST_ID}/changes").json()["changes"]
        assert len(of_movie) == len(ids)
