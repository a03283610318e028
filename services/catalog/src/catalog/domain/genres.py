"""TMDb's genres, and what becomes of those that imports name."""

import hashlib
from collections.abc import Iterable
from typing import Final

GENRE_IDS: Final = {
    "Action": 28,
    "Adventure": 12,
    "Animation": 16,
    "Comedy": 35,
    "Crime": 80,
    "Documentary": 99,
    "Drama": 18,
    "Family": 10751,
    "Fantasy": 14,
    "History": 36,
    "Horror": 27,
    "Music": 10402,
    "Mystery": 9648,
    "Romance": 10749,
    "Science Fiction": 878,
    "TV Movie": 10770,
    "Thriller": 53,
    "War": 10752,
    "Western": 37,
}
"""TMDb's movie genres, which have not changed since 2013."""

_FOREIGN_GENRES: Final = {"sci-fi": "Science Fiction", "children": "Family", "musical": "Music"}
_NO_GENRE: Final = "(no genres listed)"
_GENRE_BY_KEY: Final = {name.lower(): name for name in GENRE_IDS}


def tag_keyword_id(name: str) -> int:
    """An imported tag has no TMDb id: a negative one made of its text, so that twice is once."""
    digest = hashlib.blake2b(name.lower().encode(), digest_size=6).digest()
    return -1 - int.from_bytes(digest, "big")


def genres_and_tags(
    genre_names: Iterable[str], tags: Iterable[str]
) -> tuple[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]]:
    """Imported names sorted into TMDb's genres; what is no genre (IMAX) becomes a keyword."""
    genres: dict[int, str] = {}
    words: dict[str, str] = {}
    for name in genre_names:
        key = name.strip().lower()
        known = _FOREIGN_GENRES.get(key) or _GENRE_BY_KEY.get(key)
        if known:
            genres[GENRE_IDS[known]] = known
        elif key not in {"", _NO_GENRE}:
            words.setdefault(key, name.strip())
    for tag in tags:
        if tag.strip():
            words.setdefault(tag.strip().lower(), tag.strip())
    keywords = tuple((tag_keyword_id(key), name) for key, name in sorted(words.items()))
    return tuple(sorted(genres.items())), keywords
