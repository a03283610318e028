"""Every movie's outline, computed from (seed, id): nothing is stored, any size starts at once."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tmdb_standin.drawing import Draw, Shuffle, mix
from tmdb_standin.timeline import Timeline
from tmdb_standin.vocabulary import FIRST_ID, Theme, vocabulary

# Streams of chance: each number is another, over all modules; new ones would alter every answer.
RANKS, PLACES, OUTLINE, COLLECTION = 1, 2, 3, 5

LANGUAGE_SHARES = (
    ("en", "US", 44), ("en", "GB", 9), ("fr", "FR", 7), ("es", "ES", 5), ("es", "MX", 3),
    ("ja", "JP", 7), ("de", "DE", 6), ("ko", "KR", 4), ("hi", "IN", 4), ("zh", "CN", 4),
    ("it", "IT", 4), ("pt", "BR", 3),
)  # fmt: skip
_TONGUES = [(tongue, country) for tongue, country, share in LANGUAGE_SHARES for _ in range(share)]

COLLECTION_BLOCK = 24


@dataclass(frozen=True, slots=True)
class Cell:
    """The movies of one theme: a range of places in genre order."""

    number: int
    theme: Theme
    start: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """What can be known of a movie cheaply: enough to list, filter and sort it.

    Compared by identity, so that one answer's texts can be remembered at no cost.
    """

    index: int
    movie_id: int
    rank: int
    place: int
    cell: Cell
    second_theme: Theme | None
    genre_ids: tuple[int, ...]
    language: str
    country: str
    release_date: date | None
    adult: bool
    popularity: float
    quality: float
    votes: float
    runtime: int


class Catalogue:
    """The movies of one (seed, size)."""

    def __init__(self, size: int, seed: int, epoch: date) -> None:
        self.size = size
        self.seed = seed
        self.epoch = epoch
        self.ranks = Shuffle(size, seed, RANKS)
        self._places = Shuffle(size, seed, PLACES)
        self.timeline = Timeline(size, seed, date(epoch.year + 1, 12, 31))

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The themes, each with its share of the places."""
        words = vocabulary()
        shares = [(g.weight / len(words.themes[g.genre_id]), t) for g in words.genres
                  for t in words.themes[g.genre_id]]  # fmt: skip
        total, passed, cells = sum(share for share, _ in shares), 0.0, list[Cell]()
        for number, (share, theme) in enumerate(shares):
            start = round(self.size * passed / total)
            passed += share
            cells.append(Cell(number, theme, start, round(self.size * passed / total) - start))
        return tuple(cells)

    @cached_property
    def _starts(self) -> list[int]:
        return [cell.start for cell in self.cells]

    @cached_property
    def _companions(self) -> dict[int, tuple[int, ...]]:
        return {genre.genre_id: genre.companions for genre in vocabulary().genres}

    def index_of(self, movie_id: int) -> int | None:
        """The index behind an id, if the catalogue has it."""
        index = movie_id - FIRST_ID
        return index if 0 <= index < self.size else None

    def at_rank(self, rank: int) -> int:
        """The index of the movie at this popularity rank (0 is the most popular)."""
        return self.ranks.value_at(rank)

    def at_place(self, place: int) -> int:
        """The index of the movie at this place of the genre order."""
        return self._places.value_at(place)

    def cell_at(self, place: int) -> Cell:
        """The theme that holds this place."""
        return self.cells[bisect_right(self._starts, place) - 1]

    def outline(self, index: int) -> Outline:
        """The outline of the movie at this index."""
        draw = Draw(self.seed, OUTLINE, index)
        rank = self.ranks.place_of(index)
        place = self._places.place_of(index)
        cell = self.cell_at(place)
        genre_ids, second_theme = self._genres(cell.theme, draw)
        language, country = draw.pick(_TONGUES)
        part = rank / self.size
        dated = part < 0.2 or not draw.chance(2)
        quality = 6.3 - 0.5 * part + 0.85 * draw.spread()
        return Outline(
            index=index,
            movie_id=FIRST_ID + index,
            rank=rank,
            place=place,
            cell=cell,
            second_theme=second_theme,
            genre_ids=genre_ids,
            language=language,
            country=country,
            release_date=self.timeline.released(index, rank) if dated else None,
            adult=part > 0.05 and draw.chance(0.8),
            popularity=round(900 / (rank + 3) ** 0.62 + 0.05, 4),
            quality=min(9.6, max(1.0, quality)),
            votes=28000 / (1 + rank / 40) ** 0.85 * (0.35 + 1.3 * draw.unit()) * quality / 6,
            runtime=_runtime(draw, part),
        )

    def _genres(self, theme: Theme, draw: Draw) -> tuple[tuple[int, ...], Theme | None]:
        turn = draw.below(100)
        if turn < 2:
            return (), None
        if turn < 30:
            return (theme.genre_id,), None
        companions = self._companions[theme.genre_id]
        second = draw.pick(companions)
        second_theme = draw.pick(vocabulary().themes[second])
        third = draw.pick(companions)
        if turn < 70 or third == second:
            return (theme.genre_id, second), second_theme
        return (theme.genre_id, second, third), second_theme

    def collection_of(self, place: int) -> tuple[int, list[int]] | None:
        """The collection a place belongs to: its id and the places of its parts, in order."""
        block = place // COLLECTION_BLOCK
        parts = self.collection_places(block)
        return (FIRST_ID + block, parts) if place in parts else None

    def collection_places(self, block: int) -> list[int]:
        """Places of the parts of this block's collection; empty when it has none."""
        chance = mix(self.seed, COLLECTION, block)
        first = block * COLLECTION_BLOCK
        if block < 0 or first >= self.size or chance % 100 >= 45:
            return []
        parts = [first + at for at in range(2 + chance // 100 % 4) if first + at < self.size]
        same = self.cell_at(first)
        parts = [place for place in parts if place < same.start + same.size]
        return parts if len(parts) > 1 else []


def _runtime(draw: Draw, part: float) -> int:
    if part > 0.3 and draw.chance(12):
        return 0
    if part > 0.3 and draw.chance(18):
        return draw.between(3, 55)
    return max(61, min(236, int(104 + 17 * draw.spread())))
