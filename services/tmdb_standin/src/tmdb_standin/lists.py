"""Which movies stand in which list, and in what order: popularity, dates, votes, searches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice

from tmdb_standin.catalogue import Catalogue, Outline
from tmdb_standin.details import Details
from tmdb_standin.discover import conditions, date_window, sort_key
from tmdb_standin.drawing import share
from tmdb_standin.text import Storyteller

TREND = 51
PAGE_LIMIT = 500
PAGE_SIZE = 20
SCANNED = 20_000
"""Filters and searches look at this many of the most popular movies, so that a search over a
million costs what a search over twenty thousand does."""
VOTES_TO_BE_RATED = 200


@dataclass(frozen=True)
class Listing:
    """An ordered list of movies: how many there are, and those of a stretch of it."""

    total: int
    stretch: Callable[[int, int], Sequence[int]]


def listing(indexes: Sequence[int]) -> Listing:
    """A listing of indexes that are all known."""
    return Listing(len(indexes), lambda start, end: indexes[start:end])


class Lists:
    """The lists of one catalogue."""

    def __init__(self, catalogue: Catalogue, details: Details, stories: Storyteller) -> None:
        self._catalogue = catalogue
        self._details = details
        self._stories = stories
        self._window = lru_cache(maxsize=8)(self._find_window)
        self._best = lru_cache(maxsize=2)(self._find_best)
        self._trends = lru_cache(maxsize=8)(self._find_trends)
        self._discovered = lru_cache(maxsize=64)(self._discover)
        self._titles: list[tuple[int, str]] = []

    def popular(self) -> Listing:
        """The whole catalogue by popularity."""
        size, at_rank = self._catalogue.size, self._catalogue.at_rank
        return Listing(size, lambda a, b: [at_rank(rank) for rank in range(a, min(b, size))])

    def released(self, first: date, last: date) -> Listing:
        """Movies that came out from first to last day, by popularity."""
        return listing(self._window(first, last))

    def top_rated(self, today: date) -> Listing:
        """The best rated of those with votes enough."""
        return listing(self._best(today))

    def trending(self, day: date, days: int) -> Listing:
        """A thousand popular movies in an order that changes with the day or week."""
        return listing(self._trends(day.toordinal() // days, days))

    def discover(self, query: Mapping[str, str], today: date) -> Listing:
        """Movies by filters; unknown filters are ignored, as at TMDb."""
        return listing(self._discovered(tuple(sorted(query.items())), today))

    def search(self, query: str, year: str, *, include_adult: bool) -> Listing:
        """Movies whose title, here or in its own language, holds every word of the query."""
        words = query.casefold().split()
        found = [index for index, title in self._searchable() if all(w in title for w in words)]
        outlines = map(self._catalogue.outline, found)
        return listing(
            [
                movie.index
                for movie in outlines
                if (include_adult or not movie.adult)
                and (not year or (movie.release_date and str(movie.release_date.year) == year))
            ]
        )

    def similar(self, movie: Outline) -> Listing:
        """Up to 200 neighbours of the same theme, the nearest in popularity first."""
        cell, count = movie.cell, min(movie.cell.size - 1, 200)
        places = [
            cell.start + (movie.place - cell.start + n) % cell.size for n in range(1, count + 1)
        ]
        indexes = map(self._catalogue.at_place, places)
        rank_of = self._catalogue.ranks.place_of
        return listing(sorted(indexes, key=lambda index: abs(rank_of(index) - movie.rank)))

    def recommended(self, movie: Outline) -> Listing:
        """The 40 most similar, the most popular first; none for some of the tail."""
        if movie.rank > self._catalogue.size * 0.6 and movie.index % 3 == 0:
            return listing([])
        near = self.similar(movie)
        indexes = near.stretch(0, 40)
        return listing(sorted(indexes, key=self._catalogue.ranks.place_of))

    def _find_window(self, first: date, last: date) -> list[int]:
        ranks = self._catalogue.ranks
        found = self._catalogue.timeline.between(first, last, ranks)
        outlines = map(self._catalogue.outline, found)
        dated = [movie for movie in outlines if movie.release_date is not None]
        return [movie.index for movie in sorted(dated, key=lambda movie: movie.rank)]

    def _scan(self) -> list[Outline]:
        catalogue = self._catalogue
        ranks = range(min(catalogue.size, SCANNED))
        return [catalogue.outline(catalogue.at_rank(rank)) for rank in ranks]

    def _find_best(self, today: date) -> list[int]:
        rated = [(self._details.votes(movie, today), movie) for movie in self._scan()]
        good = [(votes[0], movie.index) for votes, movie in rated if votes[1] >= VOTES_TO_BE_RATED]
        return [index for _, index in sorted(good, reverse=True)]

    def _find_trends(self, period: int, days: int) -> list[int]:
        seed = self._catalogue.seed
        top = range(min(self._catalogue.size, 1500))
        luck = {rank: share(seed, TREND, period, days, rank) for rank in top}
        order = sorted(top, key=lambda rank: (rank + 5) * luck[rank] ** 2)
        return [self._catalogue.at_rank(rank) for rank in order[:1000]]

    def _discover(self, query: tuple[tuple[str, str], ...], today: date) -> list[int]:
        asked = dict(query)
        first, last = date_window(asked)
        catalogue = self._catalogue
        if first and last and catalogue.timeline.count_between(first, last) < SCANNED:
            pool = [catalogue.outline(index) for index in self._window(first, last)]
        else:
            pool = self._scan()
        wanted = conditions(asked, lambda movie: self._details.votes(movie, today), self._stories)
        found = [movie for movie in pool if all(condition(movie) for condition in wanted)]
        key, backwards = sort_key(asked.get("sort_by", ""), self._details, self._stories, today)
        found.sort(key=key, reverse=backwards)
        return [movie.index for movie in islice(found, PAGE_LIMIT * PAGE_SIZE)]

    def _searchable(self) -> list[tuple[int, str]]:
        if not self._titles:
            self._titles = [
                (
                    m.index,
                    f"{self._stories.title(m, 'en')}\n{self._stories.original_title(m)}".casefold(),
                )
                for m in self._scan()
            ]
        return self._titles
