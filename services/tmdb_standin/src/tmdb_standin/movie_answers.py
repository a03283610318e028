"""Answers about one movie."""

from collections.abc import Callable
from typing import Any

from tmdb_standin.asked import Asked
from tmdb_standin.catalogue import Outline
from tmdb_standin.drawing import mix
from tmdb_standin.errors import not_found
from tmdb_standin.list_answers import change_entries, page_of
from tmdb_standin.revisions import Edit, Edits, edits_of
from tmdb_standin.vocabulary import FIRST_ID
from tmdb_standin.world import World

Json = dict[str, Any]
Part = Callable[[World, Asked, Outline, Edits], Json]

PARTS: dict[str, Part] = {
    "credits": lambda world, _asked, movie, _edits: {
        "cast": world.people.cast(movie),
        "crew": world.people.crew(movie),
    },
    "keywords": lambda world, _asked, movie, edits: {
        "keywords": world.extras.keywords(movie, edits)
    },
    "release_dates": lambda world, _asked, movie, _edits: {
        "results": world.extras.release_dates(movie)
    },
    "videos": lambda world, asked, movie, _edits: {
        "results": world.extras.videos(movie) if asked.language == "en" else []
    },
    "translations": lambda world, _asked, movie, edits: {
        "translations": world.extras.translations(movie, edits)
    },
    "external_ids": lambda world, _asked, movie, _edits: world.extras.external_ids(movie),
    "watch/providers": lambda world, _asked, movie, _edits: {
        "results": world.extras.providers(movie)
    },
    "images": lambda world, asked, movie, _edits: world.extras.images(movie, asked.image_languages),
    "alternative_titles": lambda world, _asked, movie, _edits: {
        "titles": world.extras.alternative_titles(movie)
    },
    "similar": lambda world, asked, movie, _edits: page_of(
        world, asked, world.lists.similar(movie)
    ),
    "recommendations": lambda world, asked, movie, _edits: page_of(
        world, asked, world.lists.recommended(movie), media_type=True
    ),
    "reviews": lambda _world, asked, _movie, _edits: _nothing(asked),
    "changes": lambda world, asked, movie, _edits: _changes(world, asked, movie),
}
WITHOUT_ID = ("similar", "recommendations", "changes")


def movie(world: World, asked: Asked) -> Json | list[Json]:
    """/3/movie/{id} with its appended parts."""
    appended = asked.appended
    outline = world.find(asked.parts[1])
    edits = edits_of(outline.index, world.revisions.count(outline.index, asked.as_of))
    body = world.details.movie(outline, asked.language, asked.today, edits)
    for name in appended:
        if name in PARTS:
            body[name] = PARTS[name](world, asked, outline, edits)
    body = world.faults.empty(body, outline.movie_id)
    if outline.movie_id in world.faults.corrupt:
        return world.faults.spoil(body, outline.movie_id)
    return body


def part(world: World, asked: Asked) -> Json:
    """/3/movie/{id}/{part}."""
    name = "/".join(asked.parts[2:])
    if name not in PARTS:
        raise not_found()
    outline = world.find(asked.parts[1])
    edits = edits_of(outline.index, world.revisions.count(outline.index, asked.as_of))
    body = PARTS[name](world, asked, outline, edits)
    return body if name in WITHOUT_ID else {"id": outline.movie_id} | body


def latest(world: World, asked: Asked) -> Json:
    """/3/movie/latest: the newest id."""
    outline = world.at(world.catalogue.size - 1)
    edits = edits_of(outline.index, world.revisions.count(outline.index, asked.as_of))
    return world.details.movie(outline, asked.language, asked.today, edits)


def changes(world: World, asked: Asked) -> Json:
    """/3/movie/changes: ids of edited movies, a hundred a page."""
    first, last = asked.window()
    indexes = world.revisions.changed_between(first, last)
    return change_entries(world, asked, [n for n in indexes if world.exists(n)])


def _nothing(asked: Asked) -> Json:
    return {"page": asked.page, "results": [], "total_pages": 0, "total_results": 0}


def _changes(world: World, asked: Asked, movie: Outline) -> Json:
    first, last = asked.window()
    by_key: dict[str, list[Json]] = {}
    for edit in world.revisions.of_movie(movie.index, first, last):
        by_key.setdefault(edit.kind, []).append(_change(world, movie, edit))
    return {"changes": [{"key": key, "items": items} for key, items in by_key.items()]}


def _change(world: World, movie: Outline, edit: Edit) -> Json:
    before, after = (
        world.details.movie(movie, "en", edit.at.date(), edits_of(movie.index, count))
        for count in (edit.number - 1, edit.number)
    )
    return {
        "id": f"{mix(FIRST_ID, movie.index, edit.number):016x}{edit.number:08x}",
        "action": "updated" if before[edit.kind] else "added",
        "time": f"{edit.at:%Y-%m-%d %H:%M:%S} UTC",
        "iso_639_1": "en" if edit.kind in ("overview", "tagline") else "",
        "iso_3166_1": "US" if edit.kind in ("overview", "tagline") else "",
        "value": after[edit.kind],
        "original_value": before[edit.kind],
    }
