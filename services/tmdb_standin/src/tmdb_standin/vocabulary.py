"""The words everything is made of, read once from the data files."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FIRST_ID = 900_000_001
"""Synthetic ids of every kind start here, far above TMDb's own."""

TITLE_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ja", "ko", "hi", "zh")
GENRE_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ja", "ko", "zh")


@dataclass(frozen=True)
class Genre:
    genre_id: int
    weight: int
    companions: tuple[int, ...]
    names: dict[str, str]


@dataclass(frozen=True)
class Theme:
    """A kind of story: what its keywords and its overviews are drawn from."""

    genre_id: int
    keywords: tuple[str, ...]
    heroes: tuple[str, ...]
    goals: tuple[str, ...]
    obstacles: tuple[str, ...]
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    genres: tuple[Genre, ...]
    themes: dict[int, tuple[Theme, ...]]
    concepts: tuple[dict[str, str], ...]
    words: dict[str, tuple[str, ...]]
    summaries: dict[str, str]
    keyword_ids: dict[str, int]


def _rows(name: str) -> Iterator[list[str]]:
    text = files("tmdb_standin").joinpath("data", name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("|")


def _genre(row: list[str]) -> Genre:
    companions = tuple(int(number) for number in row[2].split(","))
    names: dict[str, str] = dict(zip(GENRE_LANGUAGES, row[3:], strict=True))
    return Genre(int(row[0]), int(row[1]), companions, names)


def _themes() -> dict[int, tuple[Theme, ...]]:
    themes: dict[int, tuple[Theme, ...]] = {}
    for row in _rows("themes.txt"):
        genre_id = int(row[0])
        theme = Theme(genre_id, *(tuple(part.split(";")) for part in row[1:]))
        themes[genre_id] = (*themes.get(genre_id, ()), theme)
    return themes


def _keyword_ids(themes: dict[int, tuple[Theme, ...]], moods: tuple[str, ...]) -> dict[str, int]:
    names = [word for group in themes.values() for theme in group for word in theme.keywords]
    return {name: FIRST_ID + at for at, name in enumerate(dict.fromkeys([*names, *moods]))}


@cache
def vocabulary() -> Vocabulary:
    """Everything in the data files."""
    words = {row[0]: tuple(row[1].split(",")) for row in _rows("words.txt")}
    themes = _themes()
    return Vocabulary(
        genres=tuple(_genre(row) for row in _rows("genres.txt")),
        themes=themes,
        concepts=tuple(
            dict(zip(TITLE_LANGUAGES, row, strict=True)) for row in _rows("concepts.txt")
        ),
        words=words,
        summaries={row[0]: row[1] for row in _rows("summaries.txt")},
        keyword_ids=_keyword_ids(themes, words["moods"]),
    )
