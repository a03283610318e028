"""What filters ask of each movie, in columns, so that a filter is a handful of comparisons."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from recommender.domain import EPOCH, Filter
from recommender.ranking.arrays import Floats, Ints, Mask

_NO_DAY = np.iinfo(np.int32).min
_BITS = 64


@dataclass(frozen=True)
class Shelf:
    """Parallel columns by movie; genres as bits (k, n), languages as numbers.

    Ascending by movie id when it collects, in a model's order when it is aligned.
    """

    movie_ids: Ints
    days: NDArray[np.int32]
    languages: NDArray[np.int16]
    genres: NDArray[np.uint64]
    vote_averages: Floats
    vote_counts: Ints
    runtimes: NDArray[np.int32]
    adult: Mask
    removed: Mask
    popularity: Floats
    language_numbers: dict[str, int] = field(default_factory=dict[str, int])
    genre_numbers: dict[int, int] = field(default_factory=dict[int, int])

    def __len__(self) -> int:
        return len(self.movie_ids)

    def with_rows(self, rows: Sequence[Sequence[object]]) -> "Shelf":
        """The shelf with these movies put in or replaced (fields as store.movies.MovieRow)."""
        if not rows:
            return self
        added = _of_rows(rows, dict(self.language_numbers), dict(self.genre_numbers))
        words = len(added.genres)
        old = np.zeros((words, len(self)), np.uint64)
        old[: len(self.genres)] = self.genres
        both = _joined(replace(self, genres=old), added)
        order = np.lexsort((np.arange(len(both)), both.movie_ids))
        ids = both.movie_ids[order]
        return both.at(order[np.append(ids[1:] != ids[:-1], True)])

    def at(self, places: Ints) -> "Shelf":
        """The movies at these places, in this order."""
        return replace(
            self,
            movie_ids=self.movie_ids[places],
            days=self.days[places],
            languages=self.languages[places],
            genres=self.genres[:, places],
            vote_averages=self.vote_averages[places],
            vote_counts=self.vote_counts[places],
            runtimes=self.runtimes[places],
            adult=self.adult[places],
            removed=self.removed[places],
            popularity=self.popularity[places],
        )

    def aligned(self, movie_ids: Ints) -> "Shelf":
        """The shelf in another order; a movie that is not on it counts as removed."""
        if not len(self):
            unknown = self.with_rows([_unknown(int(movie_id)) for movie_id in movie_ids])
            return unknown.at(np.searchsorted(unknown.movie_ids, movie_ids))
        places = np.minimum(np.searchsorted(self.movie_ids, movie_ids), len(self) - 1)
        found = self.movie_ids[places] == movie_ids
        shelf = self.at(places)
        return replace(shelf, movie_ids=movie_ids, removed=shelf.removed | ~found)

    def allowed(self, wanted: Filter, *, include_adult: bool) -> Mask:
        """(n,) the movies that a list may hold; persons and keywords are not looked at here."""
        mask = ~self.removed
        if not include_adult:
            mask &= ~self.adult
        for genre_id in wanted.genre_ids:
            mask &= self._of_genre(genre_id)
        if wanted.language:
            mask &= self.languages == self.language_numbers.get(wanted.language, -1)
        self._by_days(mask, wanted)
        if wanted.min_rating is not None:
            mask &= self.vote_averages >= wanted.min_rating - 1e-6
        if wanted.min_votes is not None:
            mask &= self.vote_counts >= wanted.min_votes
        if wanted.min_runtime is not None:
            mask &= self.runtimes >= max(wanted.min_runtime, 1)
        if wanted.max_runtime is not None:
            mask &= (self.runtimes <= wanted.max_runtime) & (self.runtimes > 0)
        return mask

    def _of_genre(self, genre_id: int) -> Mask:
        number = self.genre_numbers.get(genre_id)
        if number is None:
            return np.zeros(len(self), bool)
        return self.genres[number // _BITS] & np.uint64(1 << (number % _BITS)) != 0

    def _by_days(self, mask: Mask, wanted: Filter) -> None:
        lower, upper = wanted.released_after, wanted.released_before
        if wanted.year is not None:
            first, last = date(wanted.year, 1, 1), date(wanted.year, 12, 31)
            lower = max(first, lower) if lower else first
            upper = min(last, upper) if upper else last
        if lower is not None:
            mask &= self.days >= (lower - EPOCH).days
        if upper is not None:
            mask &= (self.days <= (upper - EPOCH).days) & (self.days != _NO_DAY)


def empty_shelf() -> Shelf:
    """A shelf without movies."""
    return Shelf(
        movie_ids=np.empty(0, np.int64),
        days=np.empty(0, np.int32),
        languages=np.empty(0, np.int16),
        genres=np.empty((1, 0), np.uint64),
        vote_averages=np.empty(0, np.float32),
        vote_counts=np.empty(0, np.int64),
        runtimes=np.empty(0, np.int32),
        adult=np.empty(0, bool),
        removed=np.empty(0, bool),
        popularity=np.empty(0, np.float32),
    )


def _unknown(movie_id: int) -> tuple[object, ...]:
    return (movie_id, None, "", (), 0.0, 0, 0, False, True, 0.0)


def _of_rows(
    rows: Sequence[Sequence[object]],
    language_numbers: dict[str, int],
    genre_numbers: dict[int, int],
) -> Shelf:
    columns = list(zip(*rows, strict=True))
    languages = [language_numbers.setdefault(str(x), len(language_numbers)) for x in columns[2]]
    sets = [
        [genre_numbers.setdefault(int(g), len(genre_numbers)) for g in genres]  # type: ignore[union-attr]
        for genres in columns[3]
    ]
    bits = np.zeros((max(1, -(-len(genre_numbers) // _BITS)), len(rows)), np.uint64)
    for place, numbers in enumerate(sets):
        for number in numbers:
            bits[number // _BITS, place] |= np.uint64(1 << (number % _BITS))
    return Shelf(
        movie_ids=np.array(columns[0], np.int64),
        days=np.array([_NO_DAY if day is None else day for day in columns[1]], np.int32),
        languages=np.array(languages, np.int16),
        genres=bits,
        vote_averages=np.array(columns[4], np.float32),
        vote_counts=np.array(columns[5], np.int64),
        runtimes=np.array(columns[6], np.int32),
        adult=np.array(columns[7], bool),
        removed=np.array(columns[8], bool),
        popularity=np.array(columns[9], np.float32),
        language_numbers=language_numbers,
        genre_numbers=genre_numbers,
    )


def _joined(old: Shelf, new: Shelf) -> Shelf:
    return replace(
        new,
        movie_ids=np.concatenate([old.movie_ids, new.movie_ids]),
        days=np.concatenate([old.days, new.days]),
        languages=np.concatenate([old.languages, new.languages]),
        genres=np.concatenate([old.genres, new.genres], axis=1),
        vote_averages=np.concatenate([old.vote_averages, new.vote_averages]),
        vote_counts=np.concatenate([old.vote_counts, new.vote_counts]),
        runtimes=np.concatenate([old.runtimes, new.runtimes]),
        adult=np.concatenate([old.adult, new.adult]),
        removed=np.concatenate([old.removed, new.removed]),
        popularity=np.concatenate([old.popularity, new.popularity]),
    )
