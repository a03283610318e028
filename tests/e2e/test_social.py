"""Lists that people make, and what admins see of everybody together."""

import json
import re
from typing import Any

import pytest
from running_suite import Suite, eventually, movie_ids

pytestmark = pytest.mark.e2e


def test_a_list_is_made_filled_ordered_changed_and_deleted(suite: Suite) -> None:
    person = suite.person()
    api = person.api
    movies = movie_ids(api.get("/movies", params={"page_size": 3}).json())
    key = {"Idempotency-Key": "rainy"}
    made = api.post("/me/lists", json={"name": "Rainy Sundays"}, headers=key)
    assert made.status_code == 201
    assert made.json()["visibility"] == "private"
    again = api.post("/me/lists", json={"name": "Rainy Sundays"}, headers=key)
    assert again.json() == made.json()
    path = f"/lists/{made.json()['list_id']}"
    assert [one["list_id"] for one in api.get("/me/lists").json()["items"]] == [path[7:]]

    assert [api.put(f"{path}/movies/{one}").status_code for one in movies] == [201, 201, 201]
    moved = api.put(f"{path}/movies/{movies[2]}", json={"position": 0})
    assert moved.status_code == 200
    assert moved.json()["movie"]["movie_id"] == movies[2]
    seen = api.get(path)
    assert movie_ids(seen.json()) == [movies[2], movies[0], movies[1]]
    assert api.delete(f"{path}/movies/{movies[0]}").status_code == 204

    stale = api.patch(path, json={"name": "Late"}, headers={"If-Match": seen.headers["etag"]})
    assert stale.status_code == 412
    fresh = api.get(path, params={"page_size": 1})
    assert fresh.json()["next_page_token"]
    same = {"If-None-Match": fresh.headers["etag"]}
    assert api.get(path, params={"page_size": 1}, headers=same).status_code == 304
    # Of the same version, but another answer.
    assert len(api.get(path, headers=same).json()["items"]) == 2
    changed = api.patch(
        path, json={"visibility": "public"}, headers={"If-Match": fresh.headers["etag"]}
    )
    assert changed.json()["visibility"] == "public"
    assert changed.json()["name"] == "Rainy Sundays"
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_others_see_a_list_as_far_as_it_is_shown(suite: Suite) -> None:
    owner, friend, other = suite.person(), suite.person(), suite.person()
    for one, two in ((owner, friend), (friend, owner)):
        assert one.api.put(f"/me/following/{two.username}").status_code == 201
    seen = {}
    for visibility in ("public", "friends", "private"):
        body = {"name": visibility, "visibility": visibility}
        path = f"/lists/{owner.api.post('/me/lists', json=body).json()['list_id']}"
        with suite.client() as stranger:
            readers = (friend.api, other.api, stranger)
            seen[visibility] = [reader.get(path).status_code for reader in readers]
        assert other.api.patch(path, json={"name": "mine"}).status_code == 404
        assert other.api.delete(path).status_code == 404
        assert other.api.put(f"{path}/movies/900000001").status_code == 404
        assert other.api.delete(f"{path}/movies/900000001").status_code == 404
    assert seen == {
        "public": [200, 200, 200],
        "friends": [200, 404, 404],
        "private": [404, 404, 404],
    }


def test_reviews_name_their_authors_to_whom_these_show_themselves(suite: Suite) -> None:
    author, friend, other = suite.person(), suite.person(), suite.person()
    for one, two in ((author, friend), (friend, author)):
        assert one.api.put(f"/me/following/{two.username}").status_code == 201
    shown_to = {"profile_visibility": "friends"}
    assert author.api.patch("/me/preferences", json=shown_to).status_code == 200
    movie_id = movie_ids(author.api.get("/movies", params={"page_size": 50}).json())[-1]
    review = f"by {author.username}"
    body = {"rating": 3.5, "review": review, "has_spoilers": True}
    assert author.api.put(f"/me/ratings/{movie_id}", json=body).status_code == 201
    names = {}
    for reader in (friend, other):
        page = reader.api.get(f"/movies/{movie_id}/reviews", params={"page_size": 100}).json()
        [found] = [one for one in page["items"] if one["review"] == review]
        assert found["has_spoilers"]
        names[reader.username] = found["username"]
    assert names == {friend.username: author.username, other.username: None}

    def reviews_count() -> int:
        return other.api.get(f"/movies/{movie_id}/reviews").json()["stats"]["reviews_count"]

    eventually(lambda: reviews_count() >= 1)


def test_what_a_disabled_person_has_shown_is_gone_until_they_are_enabled(suite: Suite) -> None:
    author, reader = suite.person(), suite.person()
    movie_id = movie_ids(author.api.get("/movies", params={"page_size": 50}).json())[-2]
    review = {"rating": 0.5, "review": f"by {author.username}"}
    assert author.api.put(f"/me/ratings/{movie_id}", json=review).status_code == 201
    shown = {"name": "Worth seeing", "visibility": "public"}
    list_id = author.api.post("/me/lists", json=shown).json()["list_id"]

    def seen() -> list[bool]:
        page = reader.api.get(f"/movies/{movie_id}/reviews", params={"page_size": 100}).json()
        paths = (f"/lists/{list_id}", f"/users/{author.username}")
        statuses = [reader.api.get(path).status_code for path in paths]
        assert set(statuses) <= {200, 404}
        reviewed = review["review"] in [one["review"] for one in page["items"]]
        return [reviewed, *(status == 200 for status in statuses)]

    assert seen() == [True, True, True]
    path = f"/admin/users/{author.tokens['user']['user_id']}"
    with suite.admin() as admin:
        for status, there in (("disabled", False), ("active", True)):
            assert admin.patch(path, json={"status": status}).status_code == 200
            eventually(lambda there=there: seen() == [there] * 3)


def test_admins_see_sums_and_nobody_else_does(suite: Suite) -> None:
    person = suite.person()
    shown = person.recommended(page_size=5)
    person.api.post(f"/me/recommendations/{shown['items'][0]['recommendation_id']}/click")
    with suite.admin() as admin:

        def clicked() -> list[dict[str, object]]:
            found = admin.get("/admin/analytics/recommendations").json()
            return [point for point in found["totals"] if point["clicks_count"]]

        point = eventually(clicked)[0]
        assert 0 < point["click_through_rate"] <= 1
        assert point["movies_count"] > 0
        assert 0 < point["coverage"] < 1

        def viewed() -> dict[str, Any] | None:
            # The view travels on another stream than the click.
            found = admin.get("/admin/analytics/overview").json()
            return found if found["activity"].get("view_recommendations") else None

        overview = eventually(viewed)
        assert overview["impressions_count"] >= 5
        whole_days = admin.get("/admin/analytics/overview", params={"granularity": "day"}).json()
        assert whole_days["impressions_count"] >= overview["impressions_count"]
        hours = admin.get("/admin/analytics/activity", params={"granularity": "hour"}).json()
        assert {"login", "view_recommendations"} <= {
            point["activity_type"] for point in hours["items"]
        }
        first = admin.get("/admin/analytics/api-usage", params={"page_size": 1}).json()
        token = first["next_page_token"]
        second = admin.get(
            "/admin/analytics/api-usage", params={"page_size": 1, "page_token": token}
        ).json()
        assert first["items"] != second["items"]
        backwards = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
        assert admin.get("/admin/analytics/overview", params=backwards).status_code == 422
    for part in ("overview", "activity", "recommendations", "api-usage"):
        assert person.api.get(f"/admin/analytics/{part}").status_code == 403


def test_what_admins_do_in_other_services_is_in_the_audit_log(suite: Suite) -> None:
    with suite.admin() as admin:
        admin_id = admin.get("/me").json()["user_id"]
        movie_id = admin.get("/movies/popular").json()["items"][0]["movie_id"]
        run = admin.post("/admin/sync", json={"movie_ids": [movie_id]}).json()["sync_run_id"]

        def logged() -> list[dict[str, object]]:
            query = {"action": "sync.requested", "actor_user_id": admin_id}
            found = admin.get("/admin/audit-log", params=query).json()["items"]
            return [line for line in found if line["subject"] == run]

        (line,) = eventually(logged)
        assert line["details"] == {"stage": "movies", "movie_ids": [movie_id]}
        # Which network that is depends on where the suite runs.
        assert re.fullmatch(r"\d+\.\d+\.\d+\.0", str(line["address"]))


def test_live_streams_tell_what_happens_and_end_with_the_session(suite: Suite) -> None:
    person, other = suite.person(), suite.person()
    movie_id = movie_ids(person.api.get("/movies").json())[0]
    with person.api.stream("GET", "/me/stream", timeout=60) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        position = next(line for line in lines if line.startswith("id: "))
        person.rate(movie_id, 4.0)
        assert next(line for line in lines if line.startswith("event: "))[7:] == (
            "recommendations_changed"
        )
        assert other.api.put(f"/me/following/{person.username}").status_code == 201
        assert next(line for line in lines if line.startswith("event: "))[7:] == "notification"
        told = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
        assert (told["kind"], told["username"]) == ("follower", other.username)
    with person.api.stream(
        "GET", "/me/stream", headers={"Last-Event-ID": position[4:]}, timeout=60
    ) as stream:
        lines = stream.iter_lines()
        again = [next(line for line in lines if line.startswith("event: "))[7:] for _ in range(2)]
        assert sorted(again) == ["notification", "recommendations_changed"]
        out = person.api.post("/auth/revoke", json={"token": person.tokens["refresh_token"]})
        assert out.status_code == 200
        assert [line for line in lines if line.startswith("event: ")] == []  # it ends
    with suite.client() as stranger:
        assert stranger.get("/me/stream").status_code == 401
