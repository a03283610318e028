"""A suite that somebody else has started, in containers perhaps, known by its address alone."""

import os
import random
from typing import Any, NoReturn

import httpx
import pytest
from running_suite import Suite, eventually

PEOPLE = 30
MOVIES = 100
RATINGS_EACH = 15
TRAINING_SECONDS = 120
SEED = 1895


class StandingSuite(Suite):
    """The suite at MARQUEE_URL, whose admin has MARQUEE_ADMIN_PASSWORD."""

    def __init__(self, url: str) -> None:
        super().__init__(url.rstrip("/"))

    def prepare(self) -> None:
        """Wait for its catalogue; where no model is live yet, make people and train one."""
        self.wait_for_sync()
        with self.admin() as admin:
            if not _has_live_model(admin):
                _rate_by_taste(self)
                _train(admin)

    def command(self, *arguments: str, **_options: Any) -> NoReturn:
        """Nobody can be asked."""
        pytest.skip(f"`./marquee {arguments[0]}` is for suites that it started")

    def credentials(self) -> dict[str, str]:
        """From the environment."""
        password = os.environ.get("MARQUEE_ADMIN_PASSWORD")
        assert password, "MARQUEE_URL needs MARQUEE_ADMIN_PASSWORD beside it"
        return {
            "username": os.environ.get("MARQUEE_ADMIN_USERNAME") or "admin",
            "password": password,
        }


def _has_live_model(admin: httpx.Client) -> bool:
    models = admin.get("/admin/models", params={"page_size": 100}).json()["items"]
    return any(model["state"] == "live" for model in models)


def _rate_by_taste(suite: Suite) -> None:
    """People who love one genre each: ratings that a model finds something in."""
    chance = random.Random(SEED)
    with suite.client() as stranger:
        movies = stranger.get("/movies", params={"page_size": MOVIES}).json()["items"]
    genre_ids = sorted({genre["genre_id"] for movie in movies for genre in movie["genres"]})
    for _number in range(PEOPLE):
        person = suite.person()
        loved = chance.choice(genre_ids)
        for movie in chance.sample(movies, RATINGS_EACH):
            loves = any(genre["genre_id"] == loved for genre in movie["genres"])
            person.rate(movie["movie_id"], 4.5 if loves else 2.5)


def _train(admin: httpx.Client) -> None:
    """Ask until it is accepted (the ratings have to arrive first), then wait."""
    eventually(lambda: admin.post("/admin/models/train").status_code == 202)
    eventually(lambda: _has_live_model(admin), within=TRAINING_SECONDS)
