"""Answers that are lists of movies, with TMDb's pages and their failings."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from tmdb_standin.asked import Asked
from tmdb_standin.catalogue import Outline
from tmdb_standin.drawing import share
from tmdb_standin.errors import not_found
from tmdb_standin.lists import PAGE_SIZE, Listing, listing
from tmdb_standin.vocabulary import FIRST_ID
from tmdb_standin.world import World

Json = dict[str, Any]

CHANGES_PAGE_SIZE = 100
DUPLICATED, NULL_CHANGE = 84, 85


def page_of(world: World, asked: Asked, found: Listing, *, media_type: bool = False) -> Json:
    """One page of a listing, drifting or repeating itself where a fault says so."""
    page = asked.page
    start, moved = (page - 1) * PAGE_SIZE, (page - 1) * world.faults.faults.drift
    shown = found.stretch(start - moved, start - moved + PAGE_SIZE)
    earlier = found.stretch(max(0, start - PAGE_SIZE), start)
    indexes = _repeating(world, page, shown, earlier)
    return {
        "page": page,
        "results": [
            entry(world, asked, world.catalogue.outline(index), media_type=media_type)
            for index in indexes
            if world.exists(index)
        ],
        "total_pages": ceil((found.total + moved) / PAGE_SIZE),
        "total_results": found.total + moved,
    }


def _repeating(
    world: World, page: int, shown: Sequence[int], earlier: Sequence[int]
) -> Sequence[int]:
    rate = world.faults.faults.duplicate_rate
    if not rate or not earlier:
        return shown
    return [
        earlier[at % len(earlier)] if share(DUPLICATED, page, at) < rate else index
        for at, index in enumerate(shown)
    ]


def entry(world: World, asked: Asked, movie: Outline, *, media_type: bool = False) -> Json:
    """A movie among others, as it is by the moment of the answer."""
    count = world.revisions.count(movie.index, asked.as_of)
    card = world.details.card(movie, asked.language, asked.today, count)
    if media_type:
        card["media_type"] = "movie"
    return world.faults.empty(card, movie.movie_id)


def popular(world: World, asked: Asked) -> Json:
    """/3/movie/popular."""
    return page_of(world, asked, world.lists.popular())


def top_rated(world: World, asked: Asked) -> Json:
    """/3/movie/top_rated."""
    return page_of(world, asked, world.lists.top_rated(asked.today))


def now_playing(world: World, asked: Asked) -> Json:
    """/3/movie/now_playing: the last six weeks."""
    return _dated(world, asked, -42, 0)


def upcoming(world: World, asked: Asked) -> Json:
    """/3/movie/upcoming: the next four weeks."""
    return _dated(world, asked, 1, 28)


def _dated(world: World, asked: Asked, first_day: int, last_day: int) -> Json:
    first = asked.today + timedelta(days=first_day)
    last = asked.today + timedelta(days=last_day)
    dates = {"maximum": last.isoformat(), "minimum": first.isoformat()}
    return {"dates": dates} | page_of(world, asked, world.lists.released(first, last))


def trending(world: World, asked: Asked) -> Json:
    """/3/trending/movie/{day|week}."""
    days = {"day": 1, "week": 7}.get(asked.parts[2])
    if days is None:
        raise not_found()
    return page_of(world, asked, world.lists.trending(asked.today, days), media_type=True)


def discover(world: World, asked: Asked) -> Json:
    """/3/discover/movie."""
    return page_of(world, asked, world.lists.discover(_filters(asked), asked.today))


def _filters(asked: Asked) -> dict[str, str]:
    apart = ("page", "language", "api_key")
    return {name: value for name, value in asked.query.items() if name not in apart}


def search(world: World, asked: Asked) -> Json:
    """/3/search/movie."""
    query = asked.query.get("query", "").strip()
    year = asked.query.get("year") or asked.query.get("primary_release_year", "")
    adult = asked.query.get("include_adult") == "true"
    found = world.lists.search(query, year, include_adult=adult) if query else listing([])
    return page_of(world, asked, found)


def change_entries(world: World, asked: Asked, indexes: Sequence[int]) -> Json:
    """A page of changed ids."""
    page, rate = asked.page, world.faults.faults.null_change_rate
    start = (page - 1) * CHANGES_PAGE_SIZE
    entries: list[Json] = []
    for index in indexes[start : start + CHANGES_PAGE_SIZE]:
        if rate and share(NULL_CHANGE, index) < rate:
            entries.append({"id": None, "adult": None, "softcore": None})
        else:
            adult = world.catalogue.outline(index).adult
            entries.append({"id": FIRST_ID + index, "adult": adult, "softcore": False})
    return {
        "results": entries,
        "page": page,
        "total_pages": ceil(len(indexes) / CHANGES_PAGE_SIZE),
        "total_results": len(indexes),
    }
