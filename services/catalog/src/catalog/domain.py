"""Movies as the catalog keeps them, the rules for their text, and what it refuses."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct, field

from chassis.errors import Conflict, NotFound

FEATURED_LISTS: Final = (
    "trending_day",
    "trending_week",
    "popular",
    "top_rated",
    "now_playing",
    "upcoming",
)
STAGES: Final = ("reference", "census", "lists", "backfill", "delta", "refresh")
ALL_STAGES: Final = "all"
MOVIES_STAGE: Final = "movies"
ATTRIBUTION: Final = (
    "This product uses the TMDB API but is not endorsed or certified by TMDB."
    " Where to watch: data provided by JustWatch."
)
TITLE_KEY_LENGTH: Final = 200
WORD_LENGTH: Final = 40
"""Longer words are found only as they are."""
BATCH_LIMIT: Final = 500

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


class MovieNotFound(NotFound):
    """No such movie, or it is gone from its source."""


class PersonNotFound(NotFound):
    """No such person."""


class CollectionNotFound(NotFound):
    """No such collection."""


class SyncRunNotFound(NotFound):
    """No such run."""


class QuarantineEntryNotFound(NotFound):
    """No such entry."""


class QuarantineEntryResolved(Conflict):
    """The record was loaded since; there is nothing left to retry."""


@dataclass(frozen=True, slots=True)
class Admin:
    """Who does something of which the audit log is to know, from where and when."""

    user_id: UUID
    address: str
    """Truncated; empty when unknown."""
    acted_at: datetime


class Record(Struct, frozen=True, gc=False, array_like=True):
    """A value without cycles; every process writes it down as the same array.

    A movie has forty of them: as named tuples they took five times as long to make.
    """


class PersonRecord(Record, frozen=True):
    """A person as credits name them."""

    person_id: int
    name: str
    known_for_department: str
    profile_path: str
    popularity: float


class CreditRecord(Record, frozen=True):
    """One part of a person in a movie."""

    person_id: int
    department: str
    job: str
    character: str
    billing_order: int


class VideoRecord(Record, frozen=True):
    """A trailer or clip."""

    video_id: str
    name: str
    site: str
    key: str
    type: str
    language: str
    official: bool


class TranslationRecord(Record, frozen=True):
    """Texts of a movie in one language and region; '' where nobody translated them."""

    language: str
    region: str
    title: str
    overview: str
    tagline: str


class CollectionRecord(Record, frozen=True):
    """The collection a movie belongs to, as the movie names it."""

    collection_id: int
    name: str
    poster_path: str
    backdrop_path: str


class Votes(Record, frozen=True):
    """What changes without the movie having changed."""

    popularity: float
    vote_average: float
    vote_count: int


class MovieRecord(Record, frozen=True):
    """Everything a source tells about one movie, cleaned and in canonical order."""

    movie_id: int
    title: str
    original_title: str
    original_language: str
    overview: str
    tagline: str
    status: str
    homepage: str
    release_date: date | None
    runtime_minutes: int
    budget: int
    revenue: int
    imdb_id: str
    adult: bool
    poster_path: str
    backdrop_path: str
    votes: Votes
    content_hash: bytes
    collection: CollectionRecord | None = None
    external_ids: dict[str, str] = field(default_factory=dict[str, str])
    production_countries: tuple[str, ...] = ()
    spoken_languages: tuple[str, ...] = ()
    genres: tuple[tuple[int, str], ...] = ()
    keywords: tuple[tuple[int, str], ...] = ()
    people: tuple[PersonRecord, ...] = ()
    credits: tuple[CreditRecord, ...] = ()
    videos: tuple[VideoRecord, ...] = ()
    certifications: tuple[tuple[str, str], ...] = ()
    translations: tuple[TranslationRecord, ...] = ()
    watch_providers: bytes = b"{}"
    """JSON: region to its link and offers."""


@dataclass(frozen=True, slots=True)
class Language:
    """A wanted language, with a region when one was named: `pt-BR` is pt and BR."""

    code: str
    region: str

    @property
    def is_english(self) -> bool:
        """English is what the movie's own row is written in."""
        return self.code in {"", "en"}


def wanted_language(tag: str) -> Language:
    """The language a tag asks for; what cannot be a language asks for English."""
    code, _, region = tag.strip().replace("_", "-").partition("-")
    code, region = code.lower(), region.upper()
    if not (code.isascii() and code.isalpha() and len(code) in {2, 3}):
        return Language("en", "")
    return Language(code, region if len(region) == 2 and region.isascii() else "")


_WORD_WITH_TWO_TYPOS: Final = 5
_LONG_WORD: Final = 16
_WORDS: Final = re.compile(r"[^\W_]+")


class _Unaccented(dict[int, int | None]):
    """For str.translate: what combines with another character is left out."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.combining(chr(code)) else code
        self[code] = kept
        return kept


_UNACCENTED: Final = _Unaccented()


def title_key(text: str) -> str:
    """A title as search compares it: no case, no accents, no punctuation."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKD", text.casefold()).translate(_UNACCENTED)
    key = " ".join(_WORDS.findall(folded))[:TITLE_KEY_LENGTH].rstrip()
    # A title of punctuation alone would be found by nothing: keep it as it is.
    return key or text.strip().casefold()[:TITLE_KEY_LENGTH]


def title_keys(record: MovieRecord) -> list[str]:
    """Everything a movie is found by: its titles in all languages, each once."""
    titles = [record.title, record.original_title, *(t.title for t in record.translations)]
    return list(dict.fromkeys(title_key(title) for title in titles if title))


def without_letters(word: str) -> list[str]:
    """The word, and its rests without one letter; without two where two may be wrong."""
    found = {word}
    for _ in range(2 if _WORD_WITH_TWO_TYPOS <= len(word) <= _LONG_WORD else 1):
        found |= {one[:at] + one[at + 1 :] for one in found for at in range(len(one))}
    return sorted(found - {""})


def nearest_words(word: str, candidates: Iterable[str], count: int) -> list[str]:
    """Those that somebody may have meant by `word`, by the number of typos, at most two."""
    most = 1 if len(word) < _WORD_WITH_TWO_TYPOS else 2
    ranked = sorted((typos(word, one, most), one) for one in candidates)
    return [one for distance, one in ranked if distance <= most][:count]


def typos(word: str, other: str, most: int) -> int:
    """Letters wrong, missing, too many or swapped with the next, as far as `most`; else more.

    The optimal string alignment distance (Damerau 1964), along the diagonal alone (Ukkonen 1985).
    """
    if abs(len(word) - len(other)) > most or len(set(word) ^ set(other)) > 2 * most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        now = [row] + [most + 1] * len(other)
        for column in range(max(1, row - most), min(len(other), row + most) + 1):
            cost = last[column - 1]
            if letter != other[column - 1]:
                cost = 1 + min(cost, now[column - 1], last[column])
                if row > 1 < column and (letter, word[row - 2]) == (
                    other[column - 2],
                    other[column - 1],
                ):
                    cost = min(cost, before[column - 2] + 1)
            now[column] = cost
        # A swap reaches back over two rows.
        if min(*now, *last) > most:
            return most + 1
        before, last = last, now
    return min(last[-1], most + 1)


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


def billed(cast: Sequence[CreditRecord], crew: Sequence[CreditRecord]) -> tuple[CreditRecord, ...]:
    """Credits in the order they are shown: directors, cast by billing, other crew."""
    directors = [credit for credit in crew if credit.job == "Director"]
    others = [credit for credit in crew if credit.job != "Director"]
    actors = sorted(cast, key=lambda credit: (credit.billing_order, credit.person_id))
    return tuple(dict.fromkeys([*directors, *actors, *others]))
