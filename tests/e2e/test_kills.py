"""Processes killed the hard way in the middle of things."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import redis
from running_suite import Person, Suite, eventually, movie_ids

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")


@pytest.mark.parametrize("name", [*(f"{name}.serve" for name in SERVICES), "gateway", "traefik"])
def test_a_killed_process_is_started_again(suite: Suite, name: str) -> None:
    before = suite.kill(name)
    eventually(lambda: _is_back(suite, name, before))
    assert len(suite.person().recommended(page_size=5)["items"]) == 5


def test_nothing_acknowledged_is_lost_when_interactions_is_killed(suite: Suite) -> None:
    person = suite.person()
    movies = _many_movies(person, 60)
    acknowledged: dict[int, float] = {}
    with _rating(person, movies, acknowledged) as halfway:
        halfway.wait(60)
        suite.kill("interactions.serve")
        suite.kill("interactions.background")
    assert len(acknowledged) == len(movies), "the writer went on until all were accepted"
    assert _ratings(person) == acknowledged
    eventually(lambda: _stats(person) == len(acknowledged))
    recommended = set(movie_ids(person.recommended(page_size=100)))
    assert not recommended & set(movies)
    eventually(lambda: _rated_in_activity(person) == set(movies))


def test_other_services_go_on_while_one_is_away(suite: Suite) -> None:
    person = suite.person()
    before = suite.kill("recommender.serve")
    page = person.recommended(page_size=10)
    assert len(page["items"]) == 10
    assert person.api.get("/movies").status_code == 200
    assert person.api.get("/me/ratings").status_code == 200
    eventually(lambda: _is_back(suite, "recommender.serve", before))
    eventually(lambda: _clicked(person, page["items"][3]["recommendation_id"]))
    eventually(lambda: not person.recommended(page_size=5)["degraded"])


def test_emptied_redis_loses_nothing(suite: Suite) -> None:
    person = suite.person()
    movies = _many_movies(person, 10)
    for movie_id in movies[:5]:
        person.rate(movie_id, 4.0)
    for url in suite.redis_urls():
        with redis.Redis.from_url(url) as client:
            client.flushall()
    for movie_id in movies[5:]:
        person.rate(movie_id, 4.0)
    assert not set(movie_ids(person.recommended(page_size=50))) & set(movies)
    eventually(lambda: _rated_in_activity(person) == set(movies))


def test_a_storm_of_kills_loses_doubles_and_breaks_nothing(suite: Suite) -> None:
    storm = suite.command(
        "faults", "--people", "4", "--writes", "300", "--kills", "8", "--pause", "1", timeout=600
    )
    assert storm.returncode == 0, storm.stdout + storm.stderr
    eventually(lambda: all(one["health"] == "healthy" for one in suite.processes().values()))


def _clicked(person: Person, recommendation_id: str) -> bool:
    """Whether a click was taken; who was offered something is never told that it was not."""
    status = person.api.post(f"/me/recommendations/{recommendation_id}/click").status_code
    assert status in {204, 503, 504}
    return status == 204


def _is_back(suite: Suite, name: str, before: int) -> bool:
    process = suite.processes()[name]
    return process["pid"] not in (None, before) and process["health"] == "healthy"


def _many_movies(person: Person, count: int) -> list[int]:
    return movie_ids(person.api.get("/movies", params={"page_size": count}).json())


def _ratings(person: Person) -> dict[int, float]:
    page = person.api.get("/me/ratings", params={"page_size": 100}).json()
    return {one["movie_id"]: one["rating"] for one in page["items"]}


def _stats(person: Person) -> int:
    reply = person.api.get("/me/stats")
    return reply.json()["ratings_count"] if reply.status_code == 200 else -1


def _rated_in_activity(person: Person) -> set[int]:
    query = {"page_size": 100, "activity_type": "rate_movie"}
    reply = person.api.get("/me/activity", params=query)
    return {one["movie_id"] for one in reply.json().get("items", [])}


@contextmanager
def _rating(
    person: Person, movies: list[int], acknowledged: dict[int, float]
) -> Iterator[threading.Event]:
    """Rate all movies in a thread that repeats what was refused; says when it is halfway."""
    halfway = threading.Event()

    def work() -> None:
        for number, movie_id in enumerate(movies):
            rating = 0.5 + (number % 10) / 2
            for _attempt in itertools.count():
                if _accepted(person, movie_id, rating):
                    break
                assert _attempt < 1000
            acknowledged[movie_id] = rating
            if number >= len(movies) // 3:
                halfway.set()

    thread = threading.Thread(target=work)
    thread.start()
    yield halfway
    thread.join(120)
    assert not thread.is_alive()


def _accepted(person: Person, movie_id: int, rating: float) -> bool:
    try:
        reply = person.api.put(f"/me/ratings/{movie_id}", json={"rating": rating})
    except httpx.TransportError:
        return False
    assert reply.status_code in (200, 201, 502, 503, 504), reply.text
    return reply.status_code < 300
