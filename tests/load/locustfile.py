"""A realistic, read-heavy day: browsing, some searching, a few ratings, recommendations after.

    ./marquee up --detach && ./marquee demo
    ./marquee python -m locust -f tests/load/locustfile.py --headless --host http://127.0.0.1:8000 \
        --users 30 --spawn-rate 10 --run-time 60s

Loopback only, by design: a host that is not this machine is refused. One address registers and
signs in for all, so begin with `./marquee reset-limits` when the limits have been used up.
"""

import random
import secrets
from urllib.parse import urlsplit

from locust import HttpUser, between, events, task
from locust.env import Environment

API = "/api/v1"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
LISTS = ("trending", "popular", "top-rated", "now-playing", "upcoming")


@events.init.add_listener
def only_loopback(environment: Environment, **_rest: object) -> None:
    host = urlsplit(environment.host or "").hostname
    if host not in LOOPBACK:
        raise SystemExit(f"refusing to load {host}: only this machine is a target")


class Visitor(HttpUser):
    """Somebody who looks around without an account."""

    weight = 3
    wait_time = between(0.5, 2.0)

    def on_start(self) -> None:
        page = self.client.get(f"{API}/movies?page_size=100", name="/movies").json()
        self.movies = [movie["movie_id"] for movie in page["items"]]
        self.titles = [movie["title"] for movie in page["items"]]
        genres = self.client.get(f"{API}/genres", name="/genres").json()["items"]
        self.genres = [genre["genre_id"] for genre in genres]

    @task(10)
    def look_at_a_movie(self) -> None:
        path = f"{API}/movies/{random.choice(self.movies)}"
        self.client.get(path, params={"include": "credits,keywords"}, name="/movies/{id}")

    @task(6)
    def look_at_a_list(self) -> None:
        name = random.choice(LISTS)
        self.client.get(f"{API}/movies/{name}", name=f"/movies/{name}")

    @task(4)
    def browse_a_genre(self) -> None:
        query = {"genre_id": random.choice(self.genres), "sort": "-rating", "min_votes": 10}
        page = self.client.get(f"{API}/movies", params=query, name="/movies?genre").json()
        if page["next_page_token"]:
            query["page_token"] = page["next_page_token"]
            self.client.get(f"{API}/movies", params=query, name="/movies?genre, page 2")

    @task(3)
    def search(self) -> None:
        title = random.choice(self.titles)
        middle = len(title) // 2
        typo = title[:middle] + title[middle + 1 :]
        self.client.get(f"{API}/movies/search", params={"q": typo}, name="/movies/search")


class Fan(Visitor):
    """Somebody with an account, who rates what they see and asks what is next."""

    weight = 2

    def on_start(self) -> None:
        super().on_start()
        name = f"load-{secrets.token_hex(6)}"
        body = {
            "username": name,
            "email": f"{name}@example.org",
            "password": secrets.token_urlsafe(12),
        }
        reply = self.client.post(f"{API}/auth/register", json=body, name="/auth/register")
        token = reply.json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

    @task(8)
    def ask_for_recommendations(self) -> None:
        page = self.client.get(f"{API}/me/recommendations", name="/me/recommendations").json()
        if page["items"] and random.random() < 0.3:
            chosen = random.choice(page["items"])["recommendation_id"]
            self.client.post(
                f"{API}/me/recommendations/{chosen}/click", name="/me/recommendations/{id}/click"
            )

    @task(4)
    def rate(self) -> None:
        path = f"{API}/me/ratings/{random.choice(self.movies)}"
        rating = random.randint(1, 10) / 2
        self.client.put(path, json={"rating": rating}, name="PUT /me/ratings/{id}")

    @task(2)
    def favorite(self) -> None:
        path = f"{API}/me/favorites/{random.choice(self.movies)}"
        self.client.put(path, name="PUT /me/favorites/{id}")

    @task(1)
    def plan(self) -> None:
        path = f"{API}/me/watchlist/{random.choice(self.movies)}"
        self.client.put(path, name="PUT /me/watchlist/{id}")
        self.client.get(f"{API}/me/watchlist", name="/me/watchlist")

    @task(1)
    def look_back(self) -> None:
        self.client.get(f"{API}/me/stats", name="/me/stats")
        self.client.get(f"{API}/me/activity", name="/me/activity")
