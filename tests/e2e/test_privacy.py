"""What is held on a person: all of it on request, none of it after their erasure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from running_suite import Person, Suite, eventually, movie_ids

pytestmark = pytest.mark.e2e

HELD = {
    "users.user", "users.profile", "users.preferences", "users.session", "users.follow",
    "users.profile_favorite_genre", "users.audit_log", "users.outbox",
    "interactions.rating", "interactions.favorite", "interactions.watchlist_entry",
    "interactions.hidden_movie", "interactions.movie_list", "interactions.user_sequence",
    "interactions.outbox", "recommender.interaction", "recommender.taste",
    "recommender.preferences", "recommender.recommendation", "recommender.outbox",
    "analytics.user_activity", "analytics.activity_actor", "redis",
}  # fmt: skip
"""Where a person who has done everything is found; partitions count as their table."""


@pytest.fixture
def stores(suite: Suite) -> dict[str, Any]:
    return suite.stores()


def busy_person(suite: Suite, friend: Person) -> Person:
    """Somebody who has used everything there is."""
    person = suite.person()
    api = person.api
    shown = movie_ids(person.own_page(page_size=10))
    for movie_id in shown[:3]:
        body = {"rating": 4.5, "review": f"signed {person.username}"}
        assert api.put(f"/me/ratings/{movie_id}", json=body).status_code == 201
        assert api.put(f"/me/favorites/{movie_id}").status_code == 201
        assert api.put(f"/me/watchlist/{movie_id}", json={"note": "soon"}).status_code == 201
        assert api.get(f"/movies/{movie_id}").status_code == 200
    assert api.put(f"/me/hidden/{shown[4]}", json={"reason": "never"}).status_code == 201
    genre_ids = [one["genre_id"] for one in api.get("/genres").json()["items"][:2]]
    profile = {"display_name": person.username, "favorite_genre_ids": genre_ids}
    assert api.patch("/me/profile", json=profile).status_code == 200
    assert api.patch("/me/preferences", json={"preferred_language": "de"}).status_code == 200
    listed = api.post("/me/lists", json={"name": "mine"}, headers={"Idempotency-Key": "first-list"})
    assert listed.status_code == 201
    assert api.put(f"/lists/{listed.json()['list_id']}/movies/{shown[0]}").status_code == 201
    offers = person.own_page(page_size=5)["items"]
    clicked = api.post(f"/me/recommendations/{offers[0]['recommendation_id']}/click")
    assert clicked.status_code == 204
    for one, other in ((person, friend), (friend, person)):
        assert one.api.put(f"/me/following/{other.username}").status_code == 201
    eventually(lambda: len(api.get("/me/activity", params={"page_size": 100}).json()["items"]) > 10)
    return person


def places(stores: dict[str, Any], *words: str) -> set[str]:
    """Every table, and "redis", in which any of these words stands, in plain or in bytes."""
    found = {
        f"{service}.{table}"
        for service, url in stores["databases"].items()
        for table in _tables_with(url, words)
    }
    for url in stores["redis"]:
        with redis.Redis.from_url(url) as client:
            texts = [repr(part) for part in _everything(client)]
        if any(word in text for word in words for text in texts):
            found.add("redis")
    return found


def _tables_with(url: str, words: tuple[str, ...]) -> Iterator[str]:
    engine = sa.create_engine(url)
    told = (
        'select count(*) from "{}" as one '
        "where one::text ilike any (:words) or one::text like any (:bytes)"
    )
    values = {
        "words": [f"%{word}%" for word in words],
        "bytes": [f"%{word.encode().hex()}%" for word in words],
    }
    with engine.connect() as connection:
        parents = sa.text(
            "select relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
            "where nspname = 'public' and relkind in ('r', 'p') and not relispartition"
        )
        for table in connection.execute(parents).scalars():
            if connection.execute(sa.text(told.format(table)), values).scalar_one():
                yield table
    engine.dispose()


def _everything(client: redis.Redis) -> Iterator[Any]:
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "stream": client.xrange,
        "set": client.smembers,
        "list": lambda key: client.lrange(key, 0, -1),
        "zset": lambda key: client.zrange(key, 0, -1),
    }
    for key in client.scan_iter():
        name: Any = client.type(key)
        kind = name.decode()
        if kind != "none":
            yield key, read[kind](key)


def erase(person: Person) -> None:
    reply = person.api.request("DELETE", "/me", json={"password": person.password})
    assert reply.status_code == 202, reply.text


def words_of(person: Person) -> tuple[str, ...]:
    return (person.tokens["user"]["user_id"], person.username, person.email)


def test_the_export_holds_everything_of_everyone_who_asks_and_of_nobody_else(suite: Suite) -> None:
    friend = suite.person()
    person = busy_person(suite, friend)
    reply = person.api.get("/me/export")
    assert reply.status_code == 200
    document = reply.json()
    counts = {
        section: len(records)
        for service in ("users", "interactions", "recommender", "analytics")
        for section, records in document[service].items()
    }
    expected = {
        "account": 1, "profile": 1, "preferences": 1, "sessions": 1, "favorite_genres": 2,
        "following": 1, "followers": 1, "ratings": 3, "favorites": 3, "watchlist": 3,
        "hidden_movies": 1, "lists": 1, "list_entries": 1,
    }  # fmt: skip
    assert {name: counts[name] for name in expected} == expected
    assert counts["activity"] > 10
    assert counts["recommendations"] >= 15
    assert document["users"]["account"][0]["email"] == person.email
    text = json.dumps(document)
    assert "argon2" not in text
    assert friend.tokens["user"]["user_id"] not in text
    assert friend.email not in text
    with suite.admin() as admin:
        query = {"actor_user_id": document["user_id"], "action": "user.exported"}
        assert len(admin.get("/admin/audit-log", params=query).json()["items"]) == 1


def test_an_erasure_leaves_nothing_anywhere(suite: Suite, stores: dict[str, Any]) -> None:
    friend = suite.person()
    person = busy_person(suite, friend)
    words = words_of(person)
    eventually(lambda: places(stores, *words) >= HELD)
    erase(person)
    assert person.api.get("/me").status_code == 401
    assert person.api.get("/me/ratings").status_code == 401
    with suite.client() as stranger:
        form = {"grant_type": "password", "username": person.email, "password": person.password}
        assert stranger.post("/auth/token", data=form).status_code == 400
        form = {"grant_type": "refresh_token", "refresh_token": person.tokens["refresh_token"]}
        assert stranger.post("/auth/token", data=form).status_code == 400
        body = {"username": person.username, "email": person.email, "password": person.password}
        assert stranger.post("/auth/register", json=body).status_code == 409
    eventually(lambda: not places(stores, *words))
    assert friend.api.get("/me/followers").json()["items"] == []


@pytest.mark.faults
def test_an_erasure_that_is_cut_off_everywhere_ends_by_itself(
    suite: Suite, stores: dict[str, Any]
) -> None:
    person = busy_person(suite, suite.person())
    words = words_of(person)
    killed = [f"{name}.work" for name in ("users", "interactions", "recommender", "analytics")]
    erase(person)
    for name in (*killed, "recommender.background", "users.serve"):
        suite.kill(name)
    eventually(lambda: not places(stores, *words))
