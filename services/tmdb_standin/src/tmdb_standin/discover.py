"""The filters and orders of /3/discover/movie."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from tmdb_standin.catalogue import Outline
from tmdb_standin.details import Details
from tmdb_standin.text import Storyteller, keyword_id
from tmdb_standin.values import day_of, whole

Condition = Callable[[Outline], bool]
Votes = Callable[[Outline], tuple[float, int]]


def date_window(asked: Mapping[str, str]) -> tuple[date | None, date | None]:
    """The release dates asked for, by whichever of TMDb's names."""
    year = asked.get("primary_release_year") or asked.get("year") or ""
    if 1 <= (number := whole(year) or 0) <= 9999:
        return date(number, 1, 1), date(number, 12, 31)
    first = asked.get("primary_release_date.gte") or asked.get("release_date.gte")
    last = asked.get("primary_release_date.lte") or asked.get("release_date.lte")
    return day_of(first) if first else None, day_of(last) if last else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _matches(text: str, held: Callable[[int], bool]) -> bool:
    """TMDb's list syntax: comma is AND, pipe is OR."""
    groups = [group.split("|") for group in text.split(",") if group]
    return all(any(held(whole(part) or 0) for part in group) for group in groups)


def conditions(asked: Mapping[str, str], votes: Votes, stories: Storyteller) -> list[Condition]:
    """What a movie must be to be found."""
    wanted: list[Condition] = []
    if asked.get("include_adult", "false") != "true":
        wanted.append(lambda movie: not movie.adult)
    wanted += _dates(asked)
    wanted += _lists(asked, stories)
    if languages := asked.get("with_original_language"):
        wanted.append(lambda movie: movie.language in languages.split("|"))
    if country := asked.get("with_origin_country"):
        wanted.append(lambda movie: movie.country in country.split("|"))
    measures: dict[str, Callable[[Outline], float]] = {
        "vote_average": lambda movie: votes(movie)[0],
        "vote_count": lambda movie: votes(movie)[1],
        "with_runtime": lambda movie: movie.runtime,
    }
    for name, measure in measures.items():
        wanted += _bounds(asked, name, measure)
    return wanted


def _dates(asked: Mapping[str, str]) -> list[Condition]:
    first, last = date_window(asked)
    if first is None and last is None:
        return []
    low, high = first or date.min, last or date.max
    return [lambda movie: movie.release_date is not None and low <= movie.release_date <= high]


def _lists(asked: Mapping[str, str], stories: Storyteller) -> list[Condition]:
    wanted: list[Condition] = []
    if genres := asked.get("with_genres"):
        wanted.append(lambda movie: _matches(genres, movie.genre_ids.__contains__))
    if barred := asked.get("without_genres"):
        wanted.append(lambda movie: not any(str(g) in barred.split(",") for g in movie.genre_ids))
    if keywords := asked.get("with_keywords"):
        wanted.append(
            lambda movie: _matches(
                keywords, {keyword_id(name) for name in stories.keywords(movie)}.__contains__
            )
        )
    return wanted


def _bounds(
    asked: Mapping[str, str], name: str, measure: Callable[[Outline], float]
) -> list[Condition]:
    wanted: list[Condition] = []
    low, high = _number(asked.get(f"{name}.gte")), _number(asked.get(f"{name}.lte"))
    if low is not None:
        wanted.append(lambda movie: measure(movie) >= low)
    if high is not None:
        wanted.append(lambda movie: measure(movie) <= high)
    return wanted


def sort_key(
    asked: str, details: Details, stories: Storyteller, today: date
) -> tuple[Callable[[Outline], Any], bool]:
    """How to order what was found, and whether backwards; anything unknown is popularity."""
    name, _, direction = asked.partition(".")
    keys: dict[str, Callable[[Outline], Any]] = {
        "popularity": lambda movie: movie.popularity,
        "vote_average": lambda movie: details.votes(movie, today)[0],
        "vote_count": lambda movie: details.votes(movie, today)[1],
        "primary_release_date": lambda movie: movie.release_date or date.min,
        "release_date": lambda movie: movie.release_date or date.min,
        "revenue": lambda movie: details.money(movie, today)[1],
        "title": lambda movie: stories.title(movie, "en"),
        "original_title": stories.original_title,
    }
    return keys.get(name, keys["popularity"]), direction != "asc"
