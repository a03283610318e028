"""Real ratings: the whole of a MovieLens folder through the services' own RPCs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_suite import CHECKOUT, Suite, movie_ids, running

pytestmark = pytest.mark.e2e

FOLDER = Path(os.environ.get("MOVIELENS") or CHECKOUT.parent / "shared" / "movielens")
IMPORT_SECONDS = 500


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    if not (FOLDER / "ratings.csv").exists():
        pytest.skip(f"no MovieLens at {FOLDER}")
    with running(tmp_path_factory.mktemp("movielens")) as started:
        started.wait_for_sync()
        done = started.command("demo", timeout=IMPORT_SECONDS, MOVIELENS=str(FOLDER))
        assert done.returncode == 0, done.stdout + done.stderr
        yield started


@pytest.fixture(scope="module")
def live(suite: Suite) -> dict:
    with suite.admin() as admin:
        models = admin.get("/admin/models").json()["items"]
    return next(model for model in models if model["state"] == "live")


def test_the_model_has_learnt_from_all_of_it(live: dict) -> None:
    with (FOLDER / "ratings.csv").open() as file:
        lines = sum(1 for _line in file) - 1
    assert 0.99 * lines < live["interactions_count"] <= lines
    assert live["metrics"]["ndcg_at_10"] > 0.1


def test_importing_again_changes_nothing(suite: Suite, live: dict) -> None:
    again = suite.command("demo", timeout=IMPORT_SECONDS, MOVIELENS=str(FOLDER))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "movies: 0 new" in again.stdout
    assert "people: 0 new" in again.stdout
    assert "ratings: 0 new, 0 changed" in again.stdout
    assert "nothing has changed since the last training" in again.stdout
    with suite.admin() as admin:
        models = admin.get("/admin/models").json()["items"]
    newest = max(models, key=lambda model: model["model_version"])
    assert newest["model_version"] == live["model_version"]


def test_five_ratings_of_one_kind_bring_more_of_that_kind(suite: Suite) -> None:
    person = suite.person()
    seen = []
    for title in ("Alien", "Aliens", "The Terminator", "Blade Runner", "The Matrix"):
        found = person.api.get("/movies/search", params={"q": title}).json()["items"]
        chosen = max(
            (movie for movie in found if movie["source"] == "import"),
            key=lambda movie: movie["title"] == title,
        )
        person.rate(chosen["movie_id"], 5.0)
        seen.append(chosen["movie_id"])
    page = person.recommended(page_size=20, diversity=0)
    assert not page["degraded"]
    assert page["model_version"]
    assert not set(movie_ids(page)) & set(seen)
    names = [{genre["name"] for genre in one["movie"]["genres"]} for one in page["items"]]
    of_that_kind = sum(bool(found & {"Science Fiction", "Action", "Thriller"}) for found in names)
    assert of_that_kind >= 14, names
