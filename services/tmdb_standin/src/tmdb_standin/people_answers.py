"""Answers about people and collections."""

from functools import lru_cache
from math import ceil
from typing import Any

from tmdb_standin.asked import Asked
from tmdb_standin.errors import not_found
from tmdb_standin.list_answers import entry
from tmdb_standin.lists import PAGE_SIZE, SCANNED
from tmdb_standin.vocabulary import FIRST_ID
from tmdb_standin.world import World, parse_id

Json = dict[str, Any]

KNOWN_FOR = 3


def person(world: World, asked: Asked) -> Json:
    """/3/person/{id} with its appended parts."""
    appended = asked.appended
    number = _find(world, asked.parts[1])
    body = world.people.details(number)
    for name in appended:
        if name in PARTS:
            body[name] = PARTS[name](world, asked, number)
    return body


def person_part(world: World, asked: Asked) -> Json:
    """/3/person/{id}/{part}."""
    name = asked.parts[2]
    if name not in PARTS:
        raise not_found()
    number = _find(world, asked.parts[1])
    return PARTS[name](world, asked, number) | {"id": FIRST_ID + number}


def _find(world: World, text: str) -> int:
    number = world.people.index_of(parse_id(text))
    if number is None:
        raise not_found()
    return number


def _movie_credits(world: World, asked: Asked, number: int) -> Json:
    cast, crew = list[Json](), list[Json]()
    for index in world.people.movies_of(number):
        if not world.exists(index):
            continue
        movie = world.catalogue.outline(index)
        for roles, kept in ((world.people.cast(movie), cast), (world.people.crew(movie), crew)):
            for role in roles:
                if role["id"] == FIRST_ID + number:
                    kept.append(entry(world, asked, movie) | _role(role))
    return {"cast": cast, "crew": crew}


def _role(credit: Json) -> Json:
    names = ("character", "credit_id", "order", "department", "job")
    return {name: credit[name] for name in names if name in credit}


def _external_ids(world: World, _asked: Asked, number: int) -> Json:
    nothing = ("freebase_mid", "freebase_id", "tvrage_id", "wikidata_id", "facebook_id",
               "instagram_id", "tiktok_id", "twitter_id", "youtube_id")  # fmt: skip
    return {"imdb_id": world.people.imdb_id(number)} | dict.fromkeys(nothing)


def _images(world: World, _asked: Asked, number: int) -> Json:
    path = world.people.card(number)["profile_path"]
    profile = {"aspect_ratio": 0.667, "height": 632, "iso_3166_1": None, "iso_639_1": None,
               "file_path": path, "vote_average": 5.0, "vote_count": 1, "width": 421}  # fmt: skip
    return {"profiles": [profile] if path else []}


PARTS = {"movie_credits": _movie_credits, "external_ids": _external_ids, "images": _images}


@lru_cache(maxsize=2)
def _names(world: World) -> list[tuple[int, str]]:
    """People who can be searched: the famous first, as many as a search looks at."""
    numbers = range(min(world.people.size, SCANNED))
    return [(number, world.people.name(number).casefold()) for number in numbers]


def search_person(world: World, asked: Asked) -> Json:
    """/3/search/person."""
    words = asked.query.get("query", "").casefold().split()
    page = asked.page
    found = [number for number, name in _names(world) if words and all(w in name for w in words)]
    start = (page - 1) * PAGE_SIZE
    return {
        "page": page,
        "results": [_known(world, asked, n) for n in found[start : start + PAGE_SIZE]],
        "total_pages": ceil(len(found) / PAGE_SIZE),
        "total_results": len(found),
    }


def _known(world: World, asked: Asked, number: int) -> Json:
    indexes = [n for n in world.people.movies_of(number) if world.exists(n)][:KNOWN_FOR]
    movies = map(world.catalogue.outline, indexes)
    return world.people.card(number) | {
        "known_for": [entry(world, asked, movie, media_type=True) for movie in movies]
    }


def collection(world: World, asked: Asked) -> Json:
    """/3/collection/{id} with its parts."""
    collection_id = parse_id(asked.parts[1])
    places = world.catalogue.collection_places(collection_id - FIRST_ID)
    if not places:
        raise not_found()
    movies = [world.catalogue.outline(world.catalogue.at_place(place)) for place in places]
    short = world.details.collection(collection_id)
    return short | {
        "original_language": "en",
        "original_name": short["name"],
        "overview": f"The {len(movies)} movies of the {short['name']}.",
        "parts": [
            entry(world, asked, movie, media_type=True)
            for movie in movies
            if world.exists(movie.index)
        ],
    }
