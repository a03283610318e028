"""Movies as a source tells them and the catalog keeps them."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from msgspec import Struct, field

from chassis.errors import NotFound

FEATURED_LISTS: Final = (
    "trending_day",
    "trending_week",
    "popular",
    "top_rated",
    "now_playing",
    "upcoming",
)
ATTRIBUTION: Final = (
    "This product uses the TMDB API but is not endorsed or certified by TMDB."
    " Where to watch: data provided by JustWatch."
)
BATCH_LIMIT: Final = 500


class MovieNotFound(NotFound):
    """No such movie, or it is gone from its source."""


class PersonNotFound(NotFound):
    """No such person."""


class CollectionNotFound(NotFound):
    """No such collection."""


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


def billed(cast: Sequence[CreditRecord], crew: Sequence[CreditRecord]) -> tuple[CreditRecord, ...]:
    """Credits in the order they are shown: directors, cast by billing, other crew."""
    directors = [credit for credit in crew if credit.job == "Director"]
    others = [credit for credit in crew if credit.job != "Director"]
    actors = sorted(cast, key=lambda credit: (credit.billing_order, credit.person_id))
    return tuple(dict.fromkeys([*directors, *actors, *others]))
