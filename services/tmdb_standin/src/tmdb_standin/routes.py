"""Which endpoint answers which path under /3."""

from collections.abc import Callable
from typing import Any

from tmdb_standin import list_answers, movie_answers, people_answers, reference
from tmdb_standin.asked import Asked
from tmdb_standin.errors import not_found
from tmdb_standin.world import World

Json = dict[str, Any]
Endpoint = Callable[[World, Asked], object]

FIXED: dict[str, Endpoint] = {
    "configuration": lambda _world, asked: reference.configuration(asked.base_url),
    "configuration/languages": lambda _world, _asked: reference.languages(),
    "configuration/countries": lambda _world, _asked: reference.countries(),
    "configuration/primary_translations": lambda _world, _asked: reference.primary_translations(),
    "genre/movie/list": lambda _world, asked: reference.genres(asked.language),
    "certification/movie/list": lambda _world, _asked: reference.certifications(),
    "watch/providers/movie": lambda _world, _asked: reference.providers(),
    "movie/popular": list_answers.popular,
    "movie/top_rated": list_answers.top_rated,
    "movie/now_playing": list_answers.now_playing,
    "movie/upcoming": list_answers.upcoming,
    "movie/latest": movie_answers.latest,
    "movie/changes": movie_answers.changes,
    "discover/movie": list_answers.discover,
    "search/movie": list_answers.search,
    "search/person": people_answers.search_person,
}


def endpoint_of(parts: tuple[str, ...]) -> Endpoint:
    """The endpoint of a path, or TMDb's 404."""
    fixed = FIXED.get("/".join(parts))
    if fixed is not None:
        return fixed
    match parts:
        case ("movie", _):
            return movie_answers.movie
        case ("movie", _, _) | ("movie", _, "watch", "providers"):
            return movie_answers.part
        case ("trending", "movie", _):
            return list_answers.trending
        case ("person", _):
            return people_answers.person
        case ("person", _, _):
            return people_answers.person_part
        case ("collection", _):
            return people_answers.collection
        case _:
            raise not_found()
