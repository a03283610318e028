"""Whatever is sent, the answer is a problem document or a success, never a 5xx."""

import json
from typing import Any

import httpx
import pytest
from running_suite import Suite

pytestmark = pytest.mark.e2e

LONE_SURROGATE = b'{"rating": 4, "review": "\\ud800"}'
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no json": b"{",
    "no utf-8": b'{"rating": \xff}',
    "null": b"null",
    "a list": b"[]",
    "nan": b'{"rating": NaN}',
    "infinite": b'{"rating": 1e999}',
    "a huge integer": b'{"rating": ' + b"9" * 400 + b"}",
    "a string for a number": b'{"rating": "4"}',
    "a bool for a number": b'{"rating": true}',
    "an unknown field": b'{"rating": 4, "stars": 4}',
    "a name twice": b'{"rating": 4, "rating": 5}',
    "a NUL": b'{"rating": 4, "review": "a\\u0000b"}',
    "a lone surrogate": LONE_SURROGATE,
    "deep": b'{"rating": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "between the halves": b'{"rating": 4.25}',
    "too small": b'{"rating": 0}',
    "too large": b'{"rating": 5.5}',
}


def refused(reply: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert reply.status_code in statuses, f"{reply.status_code} {reply.text[:300]}"
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["status"] == reply.status_code
    assert problem["type"].startswith("/problems/")
    assert problem["instance"] == reply.request.url.path
    assert reply.headers["x-request-id"] == problem["request_id"]
    return problem


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_rating_is_refused(suite: Suite, name: str) -> None:
    with suite.admin() as api:
        movie_id = api.get("/movies?page_size=1").json()["items"][0]["movie_id"]
        headers = {"Content-Type": "application/json"}
        reply = api.put(f"/me/ratings/{movie_id}", content=BODIES[name], headers=headers)
        refused(reply, 400, 422)
        assert api.get(f"/me/ratings/{movie_id}").status_code == 404


def test_a_body_beyond_the_limit_is_413(suite: Suite) -> None:
    with suite.admin() as api:
        body = json.dumps({"rating": 4, "review": "x" * 300_000}).encode()
        headers = {"Content-Type": "application/json"}
        refused(api.put("/me/ratings/900000001", content=body, headers=headers), 413)
        pieces = iter([body[:1000], *[body[1000:2000]] * 300])
        refused(api.put("/me/ratings/900000001", content=pieces, headers=headers), 413)


QUERIES = [
    "/movies?page_size=0", "/movies?page_size=x", "/movies?page_size=-1",
    "/movies?page_token=tampered", "/movies?sort=size", "/movies?year=x", "/movies?year=99999",
    "/movies?min_rating=nan", "/movies?min_rating=inf", "/movies?min_votes=-1",
    "/movies?genre_id=0", "/movies?genre_id=99999999999999999999", "/movies?released_after=1.1.20",
    "/movies?language=english", "/movies?unknown=1", "/movies/search", "/movies/search?q=",
    "/movies/search?q=%00", "/movies/search?q=" + "x" * 201, "/movies/trending?window=month",
    "/movies/abc", "/movies/0", "/movies/-1", "/movies/99999999999999999999",
    "/movies/900000001?include=everything", "/people/x", "/people/search", "/collections/x",
    "/people/1?include_adult=x", "/people/1?page_token=AAAA", "/collections/1?page_token=AAAA",
    "/movies/900000001/watch-providers?region=usa",
    "/me/movie-states", "/me/movie-states?movie_id=x", "/me/recommendations?type=best",
    "/me/recommendations?diversity=1.1", "/me/recommendations?diversity=nan",
    "/me/recommendations?exclude_movie_id=x", "/me/recommendations?page_token=AAAA",
    "/me/recommendations/history?page_token=AAAA", "/me/activity?activity_type=walk",
    "/me/activity?page_token=AAAA", "/me/favorites?page_token=AAAA",
    "/me/ratings?page_token=AAAA", "/me/watchlist?page_token=AAAA", "/me/hidden?page_token=AAAA",
    "/me/lists?page_token=AAAA", "/lists/x", "/admin/analytics/overview?from=yesterday",
    "/admin/analytics/activity?granularity=week", "/admin/analytics/api-usage?page_token=AAAA",
    "/admin/analytics/activity?to=0001-01-01T00:00:00%2B14:00",
    "/me/sessions?page_token=AAAA", "/admin/sync/runs/x", "/admin/sync/runs?page_token=AAAA",
    "/me?zzz=1", "/me/export?zzz=1", "/genres?zzz=1", "/users/x?zzz=1", "/me/favorites?zzz=1",
]  # fmt: skip


@pytest.mark.parametrize("path", QUERIES)
def test_a_bad_address_is_422(suite: Suite, path: str) -> None:
    with suite.admin() as api:
        problem = refused(api.get(path), 422)
    if "%00" not in path:
        assert problem["errors"], problem


ABSENT = [
    "/movies/1",
    "/people/1",
    "/collections/1",
    "/me/ratings/1",
    "/nothing",
    "/users/nobody-x",
]


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_not_there_is_404(suite: Suite, path: str) -> None:
    with suite.admin() as api:
        refused(api.get(path), 404)


@pytest.mark.parametrize("kind", ["favorites", "watchlist", "hidden"])
def test_an_unknown_movie_cannot_be_kept(suite: Suite, kind: str) -> None:
    with suite.admin() as api:
        refused(api.put(f"/me/{kind}/1"), 404)
        assert api.delete(f"/me/{kind}/1").status_code == 204


REGISTRATIONS = [
    {},
    {"username": "x", "email": "x@example.org", "password": "long enough"},
    {"username": "fine-name", "email": "no address", "password": "long enough"},
    {"username": "fine-name", "email": "fine@example.org", "password": "short"},
    {"username": "fine-name", "email": "fine@example.org", "password": "password"},
    {"username": "fine-name", "email": "fine@example.org", "password": "x" * 129},
    {"username": "fine name", "email": "fine@example.org", "password": "long enough 1"},
    {"username": 7, "email": "fine@example.org", "password": "long enough 1"},
    {"username": "fine-name", "email": "fine@example.org", "password": "long enough", "role": "x"},
]  # fmt: skip


@pytest.mark.parametrize("body", REGISTRATIONS)
def test_a_bad_registration_is_422(suite: Suite, body: dict[str, Any]) -> None:
    with suite.client() as stranger:
        refused(stranger.post("/auth/register", json=body), 422)


FORMS = [
    ({}, "invalid_request"),
    ({"grant_type": "magic"}, "unsupported_grant_type"),
    ({"grant_type": "password", "username": "nobody"}, "invalid_request"),
    ({"grant_type": "password", "username": "nobody", "password": "wrong one"}, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": "made up"}, "invalid_grant"),
]


@pytest.mark.parametrize(("form", "error"), FORMS)
def test_a_bad_grant_is_400_and_says_which(suite: Suite, form: dict[str, str], error: str) -> None:
    with suite.client() as stranger:
        reply = stranger.post("/auth/token", data=form)
    problem = refused(reply, 400)
    assert problem["error"] == error
    assert reply.headers["ratelimit"].startswith('"token";r=')


def test_a_key_that_comes_with_other_activity_is_422(suite: Suite) -> None:
    person, key = suite.person(), {"Idempotency-Key": "seen"}
    body = {"events": [{"event_id": "one", "activity_type": "search"}]}
    first = person.api.post("/me/activity", json=body, headers=key)
    again = person.api.post("/me/activity", json=body, headers=key)
    assert (first.status_code, first.json()) == (202, again.json())
    body["events"][0]["event_id"] = "two"
    problem = refused(person.api.post("/me/activity", json=body, headers=key), 422)
    assert problem["type"] == "/problems/idempotency-key-reused"


def test_a_refusal_names_the_place_as_the_client_does(suite: Suite) -> None:
    person = suite.person()
    for text in ("x" * 5000, "\u00e9" * 3000):  # too many characters, and too many bytes
        event = {"event_id": "one", "activity_type": "search", "metadata": {"a": text}}
        problem = refused(person.api.post("/me/activity", json={"events": [event]}), 422)
        assert [one["pointer"] for one in problem["errors"]] == ["/events/0/metadata"]


REVOKED = [
    ([], ""),
    ({}, "/token"),
    ({"token": ""}, "/token"),
    ({"token": 7}, "/token"),
    ({"token": "x", "token_type_hint": 7}, "/token_type_hint"),
    ({"token": "x", "user_id": "7"}, "/user_id"),
]


@pytest.mark.parametrize(("body", "pointer"), REVOKED)
def test_a_bad_revocation_is_422_and_says_where(suite: Suite, body: Any, pointer: str) -> None:
    with suite.client() as stranger:
        problem = refused(stranger.post("/auth/revoke", json=body), 422)
    assert [one["pointer"] for one in problem["errors"]] == [pointer]


def test_a_taken_name_is_409_whatever_its_case(suite: Suite) -> None:
    person = suite.person()
    body = {
        "username": person.username.upper(),
        "email": f"other-{person.email}",
        "password": "long enough 1",
    }
    with suite.client() as stranger:
        refused(stranger.post("/auth/register", json=body), 409)


PATCHES = [
    ("/me/preferences", {"recommendation_diversity": 2}),
    ("/me/preferences", {"profile_visibility": "nobody"}),
    ("/me/preferences", {"preferred_language": "english"}),
    ("/me/preferences", {"version": 7}),
    ("/me/preferences", {}),
    ("/me/profile", {"country": "Germany"}),
    ("/me/profile", {"favorite_genre_ids": ["28"]}),
    ("/me/profile", {"bio": "x" * 1001}),
    ("/me/profile", {"display_name": None}),
    ("/me", {"role": "admin"}),
]


@pytest.mark.parametrize(("path", "body"), PATCHES)
def test_a_bad_change_is_422(suite: Suite, path: str, body: dict[str, Any]) -> None:
    with suite.admin() as api:
        refused(api.patch(path, json=body), 422)


TOKENS = ["x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "x" * 5000]


@pytest.mark.parametrize("token", TOKENS)
def test_a_bad_token_is_401(suite: Suite, token: str) -> None:
    with suite.client() as stranger:
        headers = {"Authorization": f"Bearer {token}"}
        refused(stranger.get("/me", headers=headers), 401)
        refused(stranger.get("/genres", headers=headers), 401)


def test_a_person_is_no_admin(suite: Suite) -> None:
    person = suite.person()
    refused(person.api.get("/admin/sync/runs"), 403)
    refused(person.api.post("/admin/sync", json={}), 403)
    refused(person.api.get("/admin/models"), 403)


def test_another_verb_is_405(suite: Suite) -> None:
    with suite.client() as stranger:
        refused(stranger.post("/genres"), 405)
