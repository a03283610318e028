"""One person's way through everything, over HTTP and through Traefik."""

import json
import secrets
from typing import Any

import pytest
from running_suite import CHECKOUT, Person, Suite, eventually, movie_ids

pytestmark = pytest.mark.e2e

DOCUMENT = json.loads((CHECKOUT / "gateway" / "openapi.json").read_text())


def test_a_person_goes_all_the_way(suite: Suite) -> None:
    person = suite.person()
    api = person.api

    form = {"grant_type": "password", "username": person.email, "password": person.password}
    signed_in = api.post("/auth/token", data=form)
    assert signed_in.status_code == 200
    assert signed_in.json()["token_type"] == "Bearer"

    browsed = api.get("/movies", params={"page_size": 30}).json()
    assert len(browsed["items"]) == 30
    second = api.get(
        "/movies", params={"page_size": 30, "page_token": browsed["next_page_token"]}
    ).json()
    assert not set(movie_ids(browsed)) & set(movie_ids(second))

    wanted = browsed["items"][0]
    found = api.get("/movies/search", params={"q": wanted["title"]}).json()
    assert wanted["movie_id"] in movie_ids(found)

    detail = api.get(
        f"/movies/{wanted['movie_id']}", params={"include": "credits,keywords,videos,my_state"}
    ).json()
    assert detail["title"] == wanted["title"]
    assert detail["my_state"] == {
        "movie_id": wanted["movie_id"],
        "favorite": False,
        "rating": None,
        "watchlist": False,
        "hidden": False,
    }

    seen = movie_ids(browsed)[:8]
    assert api.put(f"/me/favorites/{seen[0]}").status_code == 201
    assert api.put(f"/me/favorites/{seen[0]}").status_code == 200
    for movie_id in seen[1:6]:
        person.rate(movie_id, 4.5)
    assert api.put(f"/me/watchlist/{seen[6]}", json={"note": "soon"}).status_code == 201
    assert api.put(f"/me/hidden/{seen[7]}", json={"reason": "never"}).status_code == 201

    first = person.recommended(page_size=20)
    assert len(first["items"]) == 20
    assert not first["degraded"]
    assert not set(movie_ids(first)) & {*seen[:6], seen[7]}
    assert [one["position"] for one in first["items"]] == list(range(1, 21))
    assert all(one["reason"]["text"] for one in first["items"])

    top = first["items"][0]
    clicked = api.post(f"/me/recommendations/{top['recommendation_id']}/click")
    assert clicked.status_code == 204
    assert api.post(f"/me/recommendations/{top['recommendation_id']}/click").status_code == 204

    person.rate(movie_ids(first)[0], 5.0)
    after = person.recommended(page_size=20)
    assert movie_ids(first)[0] not in movie_ids(after)
    assert movie_ids(after) != movie_ids(first)[1:]

    history = eventually(
        lambda: [
            one
            for one in api.get("/me/recommendations/history?page_size=100").json()["items"]
            if one["clicked_at"]
        ]
    )
    assert [one["recommendation_id"] for one in history] == [top["recommendation_id"]]

    expected = {"rate_movie", "add_favorite", "add_watchlist", "view_movie", "search",
                "view_recommendations", "click_recommendation"}  # fmt: skip
    kinds = eventually(lambda: _kinds(person) if expected <= _kinds(person) else None)
    assert expected <= kinds

    stats = api.get("/me/stats").json()
    assert stats["ratings_count"] == 6
    assert stats["favorites_count"] == 1
    assert stats["watchlist_count"] == 1
    assert sum(bucket["count"] for bucket in stats["rating_histogram"]) == 6
    assert stats["genres"]

    changed = api.patch("/me/preferences", json={"recommendation_diversity": 0.9})
    assert changed.status_code == 200
    assert api.get("/me/preferences").json()["recommendation_diversity"] == 0.9

    out = api.post("/auth/revoke", json={"token": person.tokens["refresh_token"]})
    assert out.status_code == 200
    eventually(lambda: api.get("/me").status_code == 401, within=5)


def _kinds(person: Person) -> set[str]:
    page = person.api.get("/me/activity", params={"page_size": 100}).json()
    return {one["activity_type"] for one in page["items"]}


def test_a_stranger_may_browse_and_is_told_what_needs_a_token(suite: Suite) -> None:
    with suite.client() as stranger:
        assert stranger.get("/genres").status_code == 200
        assert stranger.get("/movies/trending").status_code == 200
        refused = stranger.get("/me/recommendations")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.headers["content-type"] == "application/problem+json"


def test_somebody_without_history_gets_a_full_page_by_their_genres(suite: Suite) -> None:
    person = suite.person()
    genre = person.api.get("/genres").json()["items"][0]
    person.api.patch("/me/profile", json={"favorite_genre_ids": [genre["genre_id"]]})
    page = person.recommended(page_size=20)
    assert len(page["items"]) == 20
    filtered = person.recommended(page_size=5, genre_id=genre["genre_id"])
    assert all(
        genre["genre_id"] in {one["genre_id"] for one in recommendation["movie"]["genres"]}
        for recommendation in filtered["items"]
    )


def test_tracking_switched_off_stores_nothing_from_then_on(suite: Suite) -> None:
    person = suite.person()
    changed = person.api.patch("/me/preferences", json={"activity_tracking": "off"})
    assert changed.status_code == 200
    before = person.api.get("/me/activity").json()["items"]
    movie_id = movie_ids(person.api.get("/movies").json())[0]
    person.rate(movie_id, 4.0)
    event = {"event_id": secrets.token_hex(8), "activity_type": "view_movie", "movie_id": movie_id}
    sent = person.api.post("/me/activity", json={"events": [event]})
    assert sent.status_code == 202
    assert sent.json()["stored_count"] == 0
    assert person.api.get("/me/activity").json()["items"] == before


def test_what_is_shown_as_null_may_be_sent_back(suite: Suite) -> None:
    api = suite.person().api
    movie_id = movie_ids(api.get("/movies").json())[0]
    rated = api.put(f"/me/ratings/{movie_id}", json={"rating": 4.0, "review": None})
    assert rated.json()["review"] is None
    wanted = api.put(f"/me/watchlist/{movie_id}", json={"note": None})
    assert wanted.json()["note"] is None
    made = api.post("/me/lists", json={"name": "mine", "description": None})
    assert made.json()["description"] is None
    assert api.patch("/me/profile", json={"country": "DE"}).json()["country"] == "DE"
    assert api.patch("/me/profile", json={"country": None}).json()["country"] is None


def test_activity_of_one_type_is_deleted_alone(suite: Suite) -> None:
    person = suite.person()
    kinds = ("view_movie", "search")
    events = [{"event_id": secrets.token_hex(8), "activity_type": kind} for kind in kinds]
    sent = person.api.post("/me/activity", json={"events": events})
    assert sent.json()["stored_count"] == 2
    path = "/me/activity"
    assert person.api.delete(path, params={"activity_type": "walk"}).status_code == 422
    assert person.api.delete(path, params={"type": "search"}).status_code == 422
    assert person.api.delete(path, params={"activity_type": "search"}).status_code == 204
    left = {one["activity_type"] for one in person.api.get(path).json()["items"]}
    assert "view_movie" in left
    assert "search" not in left
    assert person.api.delete(path).status_code == 204
    assert person.api.get(path, params={"activity_type": "view_movie"}).json()["items"] == []


def test_one_person_sees_nothing_of_another(suite: Suite) -> None:
    one, other = suite.person(), suite.person()
    movie_id = movie_ids(one.api.get("/movies").json())[0]
    one.rate(movie_id, 4.0)
    shown = one.recommended(page_size=5)
    assert other.api.get(f"/me/ratings/{movie_id}").status_code == 404
    assert other.api.get("/me/ratings").json()["items"] == []
    recommendation_id = shown["items"][0]["recommendation_id"]
    assert other.api.post(f"/me/recommendations/{recommendation_id}/click").status_code == 404


def test_reading_again_with_the_etag_says_not_modified(suite: Suite) -> None:
    person = suite.person()
    movie_id = movie_ids(person.api.get("/movies").json())[0]
    person.rate(movie_id, 3.5)
    first = person.api.get(f"/me/ratings/{movie_id}")
    again = person.api.get(
        f"/me/ratings/{movie_id}", headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304
    person.rate(movie_id, 4.0)
    stale = person.api.put(
        f"/me/ratings/{movie_id}",
        json={"rating": 1.0},
        headers={"If-Match": first.headers["etag"]},
    )
    assert stale.status_code == 412
    assert person.api.get(f"/me/ratings/{movie_id}").json()["rating"] == 4.0


def test_every_answer_that_has_a_version_is_not_sent_twice(suite: Suite) -> None:
    person, any_version = suite.person(), {"If-None-Match": "*"}
    with suite.admin() as admin:
        for path, verbs in DOCUMENT["paths"].items():
            conditional = "304" in verbs.get("get", {"responses": {}})["responses"]
            if not conditional or "{" in path:
                continue
            client = admin if "/admin/" in path else person.api
            url = path.removeprefix("/api/v1")
            words = {"q": "the", "movie_id": "1"}
            first = client.get(url, params=_required(verbs["get"], words))
            assert first.status_code == 200, (path, first.text)
            assert first.headers["etag"].strip('"'), path
            again = client.get(url, params=_required(verbs["get"], words), headers=any_version)
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["etag"], path


def _required(operation: dict[str, Any], words: dict[str, str]) -> dict[str, str]:
    named = [one["name"] for one in operation["parameters"] if one.get("required")]
    return {name: words[name] for name in named}


def test_a_list_stays_and_is_counted_once_until_its_person_does_something(suite: Suite) -> None:
    person = suite.person()
    movies = movie_ids(person.api.get("/movies", params={"page_size": 5}).json())
    person.rate(movies[0], 4.0)
    eventually(lambda: _list_of(person) == _list_of(person))
    before = person.recommended(page_size=5)
    eventually(lambda: _recorded(person, before["list_id"]) == 5)
    assert person.recommended(page_size=5) == before
    assert _recorded(person, before["list_id"]) == 5
    person.rate(movies[1], 4.0)
    after = person.recommended(page_size=5)
    assert after["list_id"] != before["list_id"]
    assert movies[1] not in movie_ids(after)
    diverse = {"recommendation_diversity": 1.0}
    assert person.api.patch("/me/preferences", json=diverse).status_code == 200
    assert _list_of(person) != after["list_id"]


def _list_of(person: Person) -> str:
    return person.recommended(page_size=5)["list_id"]


def _recorded(person: Person, list_id: str) -> int:
    page = person.api.get("/me/recommendations/history", params={"page_size": 100}).json()
    return sum(one["list_id"] == list_id for one in page["items"])


def test_a_collection_is_the_same_by_itself_beside_a_movie_and_by_pages(suite: Suite) -> None:
    api = suite.person().api
    browsed = movie_ids(api.get("/movies", params={"page_size": 100}).json())
    beside = (
        api.get(f"/movies/{movie_id}", params={"include": "collection"}).json()["collection"]
        for movie_id in browsed
    )
    collection = next(one for one in beside if one and len(one["movies"]) > 1)
    assert collection["next_page_token"] is None
    path = f"/collections/{collection['collection_id']}"
    assert api.get(path).json() == collection
    movies: list[Any] = []
    page: dict[str, Any] = {"next_page_token": ""}
    while page["next_page_token"] is not None:
        query = {"page_size": 1, "page_token": page["next_page_token"]}
        page = api.get(path, params=query).json()
        movies += page["movies"]
    assert movies == collection["movies"]
