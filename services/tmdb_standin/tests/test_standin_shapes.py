"""Answers have the shapes of what TMDb really sent (recordings beside the checkout)."""

import gzip
import json
import os
from pathlib import Path

import pytest

from tmdb_standin import movie_answers, people_answers, routes

FIRST_ID = 900_000_001
SHARED = Path(os.environ.get("MARQUEE_SHARED", Path(__file__).parents[4] / "shared"))
RECORDED = SHARED / "tmdb" / "recorded" / "jellyfin+TMDbLib"
# Of which there is as much to tell as there may be.
MOVIE_ID, PERSON_ID, COLLECTED_ID = FIRST_ID + 5, FIRST_ID + 15, FIRST_ID + 69
MOVIE, PERSON = f"/3/movie/{MOVIE_ID}", f"/3/person/{PERSON_ID}"

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded TMDb answers in ../shared/tmdb/recorded"
)

PAIRS = [
    (MOVIE, "movie_47964"),
    (f"/3/movie/{COLLECTED_ID}", "movie_47964"),
    (f"{MOVIE}?append_to_response=credits,keywords,images",
     "movie_tt1345836__append_to_response=credits,images,keywords"),
    (f"{MOVIE}/credits", "movie_47964_credits"),
    (f"{MOVIE}/keywords", "movie_47964_keywords"),
    (f"{MOVIE}/release_dates", "movie_47964_release_dates"),
    (f"{MOVIE}/videos", "movie_47964_videos"),
    (f"{MOVIE}/translations", "movie_47964_translations"),
    (f"{MOVIE}/images", "movie_47964_images"),
    (f"{MOVIE}/external_ids", "movie_335984_external_ids"),
    (f"{MOVIE}/watch/providers", "movie_47964_watch_providers"),
    (f"{MOVIE}/alternative_titles", "movie_47964_alternative_titles__country=CA"),
    (f"{MOVIE}/similar", "movie_47964_similar"),
    (f"{MOVIE}/recommendations", "movie_47964_recommendations"),
    (f"/3/movie/{FIRST_ID + 400}", "movie_999999999"),
    ("/3/movie/popular", "movie_popular__page=1"),
    ("/3/movie/top_rated", "movie_top_rated__page=1"),
    ("/3/movie/now_playing", "movie_now_playing__page=1"),
    ("/3/movie/upcoming", "movie_upcoming__page=1"),
    ("/3/movie/latest", "movie_latest"),
    ("/3/movie/changes", "movie_changes__page=1"),
    ("/3/trending/movie/week", "trending_movie_week"),
    ("/3/discover/movie", "discover_movie"),
    ("/3/search/movie?query=the", "search_movie__include_adult=false_page=1_query=007"),
    ("/3/search/person?query=a", "search_person__include_adult=false_page=1_query=Willis"),
    (PERSON, "person_62"),
    (f"{PERSON}/movie_credits", "person_62_movie_credits"),
    (f"{PERSON}/external_ids", "person_62_external_ids"),
    (f"{PERSON}/images", "person_62_images"),
    ("/3/configuration", "configuration"),
    ("/3/configuration/languages", "configuration_languages"),
    ("/3/configuration/countries", "configuration_countries"),
    ("/3/configuration/primary_translations", "configuration_primary_translations"),
    ("/3/genre/movie/list", "genre_movie_list"),
    ("/3/certification/movie/list", "certification_movie_list"),
    ("/3/watch/providers/movie", "watch_providers_movie"),
]  # fmt: skip
OPTIONAL = {
    "providers.results.*": {"ads", "free", "buy", "rent", "flatrate"},  # offers a region may lack
    # A person known for television, which there is none of here.
    "person.results[].known_for[]": {"name", "original_name", "first_air_date", "origin_country"},
    # So the document; a recorded part has title and original_title.
    ".parts[]": {"name", "original_name"},
}
# Of logos and reviews there are none here; nobody plays in one movie and makes another.
EMPTY = {"images.logos", ".images.logos", "movie_credits.crew", "reviews.results"}
VARIED = {"changes.changes[].items[].value"}


def shape(value: object) -> object:
    """Names and kinds: a list is the union of its entries, a map by country that of its values."""
    if isinstance(value, dict):
        return by_name({name: shape(entry) for name, entry in value.items()})
    if isinstance(value, list):
        return [merged([shape(entry) for entry in value])] if value else []
    if isinstance(value, bool):
        return {"bool"}
    return {"number" if isinstance(value, int | float) else "null" if value is None else "text"}


def by_name(shapes: dict) -> dict:
    """Shapes by their names, or that of all of them where the names are countries."""
    if shapes and all(len(name.split("-")[0]) == 2 and name.isupper() for name in shapes):
        return {"*": merged(list(shapes.values()))}
    return shapes


def merged(shapes: list) -> object:
    """The union of shapes."""
    first = next((one for one in shapes if one != {"null"}), shapes[0])
    if isinstance(first, set):
        return set().union(*(one for one in shapes if isinstance(one, set)))
    if isinstance(first, list):
        inner = [one[0] for one in shapes if isinstance(one, list) and one]
        return [merged(inner)] if inner else []
    maps = [one for one in shapes if isinstance(one, dict)]
    names = dict.fromkeys(name for one in maps for name in one)
    return {name: merged([one[name] for one in maps if name in one]) for name in names}


def place(path: str) -> str:
    """Where an answer's own names stand: under the part asked for, if it is not a whole."""
    last = path.partition("?")[0].rsplit("/", 1)[-1]
    return last if last.isidentifier() else ""


def differences(ours: object, theirs: object, at: str) -> list[str]:
    """Where ours says something theirs does not, or lacks what theirs always says."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        lacking = theirs.keys() - ours.keys() - OPTIONAL.get(at, set())
        missing = [f"{at}.{name} missing" for name in sorted(lacking)]
        known = [differences(ours[n], theirs[n], f"{at}.{n}") for n in ours if n in theirs]
        added = [f"{at}.{name} unknown" for name in ours if name not in theirs]
        return missing + added + [line for lines in known for line in lines]
    if isinstance(ours, list) and isinstance(theirs, list):
        if theirs and not ours and at not in EMPTY:
            return [f"{at} is empty"]
        return differences(ours[0], theirs[0], f"{at}[]") if ours and theirs else []
    if isinstance(ours, set) and isinstance(theirs, set):
        fits = ours & theirs or "null" in ours | theirs
        return [] if fits else [f"{at} {ours} is not {theirs}"]
    any_fits = {"null"} in (ours, theirs) or at in VARIED
    return [] if any_fits else [f"{at} {ours} is not {theirs}"]


@pytest.mark.parametrize(("path", "recording"), PAIRS, ids=[path for path, _ in PAIRS])
def test_an_answer_has_the_recorded_shape(steady, path, recording):
    recorded = json.loads((RECORDED / f"{recording}.json").read_text())["response"]
    response = steady.get(path)
    assert response.status_code == recorded["status"]
    assert differences(shape(response.json()), shape(recorded["body"]), place(path)) == []


@pytest.mark.parametrize("kind", ["movie", "person", "collection", "keyword"])
def test_an_export_line_has_the_recorded_names(steady, kind):
    recorded = RECORDED.parent / "daily-export-sample" / f"{kind}_ids.jsonl"
    theirs = json.loads(recorded.read_text().splitlines()[0])
    packed = steady.get(f"/p/exports/{kind}_ids_06_15_2026.json.gz").content
    ours = json.loads(gzip.decompress(packed).splitlines()[0])
    assert list(ours) == list(theirs)


SERVED = [
    *(f"/3/{name}" for name in routes.FIXED),
    "/3/trending/movie/{time_window}",
    "/3/movie/{movie_id}",
    *(f"/3/movie/{{movie_id}}/{name}" for name in movie_answers.PARTS),
    "/3/person/{person_id}",
    *(f"/3/person/{{person_id}}/{name}" for name in people_answers.PARTS),
    "/3/collection/{collection_id}",
]


def schema_shape(schema: dict) -> object:
    """The shape an OpenAPI schema tells of."""
    if "properties" in schema:
        return by_name({name: schema_shape(one) for name, one in schema["properties"].items()})
    if "items" in schema:
        return [schema_shape(schema["items"])]
    kinds = {"boolean": "bool", "integer": "number", "number": "number", "string": "text"}
    return {kinds.get(schema.get("type", ""), "null")}


@pytest.fixture(scope="module")
def named(steady) -> dict[str, object]:
    """What stands in the paths: things that there are, with as much to tell as there is."""
    return {
        "movie_id": MOVIE_ID,
        "person_id": PERSON_ID,
        "collection_id": steady.get(f"/3/movie/{COLLECTED_ID}").json()["belongs_to_collection"][
            "id"
        ],
        "time_window": "week",
    }


@pytest.mark.parametrize("path", SERVED)
def test_every_answer_holds_what_tmdbs_own_document_tells(steady, named, path):
    document = json.loads((SHARED / "tmdb" / "openapi-v3.json").read_text())
    reply = document["paths"][path]["get"]["responses"]["200"]
    theirs = schema_shape(reply["content"]["application/json"]["schema"])
    if path.endswith("{movie_id}/changes"):
        named = named | {"movie_id": steady.get("/3/movie/changes").json()["results"][0]["id"]}
    response = steady.get(path.format(**named), params={"query": "a"})
    assert response.status_code == 200
    found = differences(shape(response.json()), theirs, place(path))
    assert [line for line in found if not line.endswith("unknown")] == []
