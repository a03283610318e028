"""TMDb's answers as we need them. Fields appear there at any time: what is extra is ignored.

Plain dictionaries: models would cost twice as much, and are made a hundred times for each movie.
"""

from typing import Annotated, Required

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

LARGEST = 2**63 - 1
_LARGEST_INTEGER = 2**31 - 1

# Null may stand anywhere; it is turned into "" and 0 where the answer is read. A function here
# would be called for every field of every record, which costs more than all the rest.
Text = str | None
Id = Annotated[int, Field(ge=1, le=LARGEST)]
Money = Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | None
Count = Annotated[int, Field(ge=0, le=LARGEST)] | None
Small = Annotated[int, Field(ge=-_LARGEST_INTEGER, le=_LARGEST_INTEGER)] | None
Score = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None


class Genre(TypedDict, total=False):
    id: Required[Id]
    name: Text


class Keyword(TypedDict, total=False):
    id: Required[Id]
    name: Text


class Cast(TypedDict, total=False):
    id: Required[Id]
    name: Text
    known_for_department: Text
    profile_path: Text
    popularity: Score
    character: Text
    order: Small


class Crew(TypedDict, total=False):
    id: Required[Id]
    name: Text
    known_for_department: Text
    profile_path: Text
    popularity: Score
    department: Text
    job: Text


class Credits(TypedDict, total=False):
    cast: list[Cast] | None
    crew: list[Crew] | None


class Keywords(TypedDict, total=False):
    keywords: list[Keyword] | None


class Release(TypedDict, total=False):
    certification: Text
    type: Small


class Releases(TypedDict, total=False):
    iso_3166_1: Text
    release_dates: list[Release] | None


class ReleaseDates(TypedDict, total=False):
    results: list[Releases] | None


class Video(TypedDict, total=False):
    id: Required[str]
    name: Text
    site: Text
    key: Text
    type: Text
    iso_639_1: Text
    official: bool | None


class Videos(TypedDict, total=False):
    results: list[Video] | None


class TranslatedTexts(TypedDict, total=False):
    title: Text
    overview: Text
    tagline: Text


class Translation(TypedDict, total=False):
    iso_639_1: Text
    iso_3166_1: Text
    data: TranslatedTexts | None


class Translations(TypedDict, total=False):
    translations: list[Translation] | None


class Provider(TypedDict, total=False):
    provider_id: Required[Id]
    provider_name: Text
    logo_path: Text
    display_priority: Small


class Offers(TypedDict, total=False):
    link: Text
    flatrate: list[Provider] | None
    rent: list[Provider] | None
    buy: list[Provider] | None
    free: list[Provider] | None
    ads: list[Provider] | None


class Providers(TypedDict, total=False):
    results: dict[str, Offers] | None


class BelongsTo(TypedDict, total=False):
    id: Required[Id]
    name: Text
    poster_path: Text
    backdrop_path: Text


class Country(TypedDict, total=False):
    iso_3166_1: Text


class Spoken(TypedDict, total=False):
    iso_639_1: Text


class Movie(TypedDict, total=False):
    """`/movie/{id}` with `append_to_response`."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    id: Required[Id]
    title: Text
    original_title: Text
    original_language: Text
    overview: Text
    tagline: Text
    status: Text
    homepage: Text
    release_date: Text
    runtime: Small
    budget: Money
    revenue: Money
    imdb_id: Text
    adult: bool | None
    poster_path: Text
    backdrop_path: Text
    popularity: Score
    vote_average: Score
    vote_count: Count
    belongs_to_collection: BelongsTo | None
    genres: list[Genre] | None
    production_countries: list[Country] | None
    spoken_languages: list[Spoken] | None
    credits: Credits | None
    keywords: Keywords | None
    release_dates: ReleaseDates | None
    videos: Videos | None
    translations: Translations | None
    external_ids: dict[str, str | int | None] | None
    providers: Annotated[Providers | None, Field(alias="watch/providers")]


NOT_NEEDED = frozenset({"origin_country", "production_companies", "softcore", "video"})
"""Fields of a movie that we know and leave."""


class GenreList(TypedDict):
    """`/genre/movie/list`."""

    genres: list[Genre]


class Listed(TypedDict, total=False):
    """A movie as lists show it."""

    id: int | None
    adult: bool | None
    popularity: Score


class ListPage(TypedDict, total=False):
    """A page of popular, top-rated, trending ..."""

    results: Required[list[Listed]]
    total_pages: int | None
    """It lies: 58,324 have been seen where 500 can be asked for."""


class Changed(TypedDict, total=False):
    """A movie that was edited; both may be null."""

    id: int | None
    adult: bool | None


class ChangesPage(TypedDict, total=False):
    """A page of `/movie/changes`."""

    results: Required[list[Changed]]
    total_pages: int | None


class ImageConfiguration(TypedDict):
    """Where pictures are and in which sizes."""

    secure_base_url: str
    poster_sizes: list[str]
    backdrop_sizes: list[str]
    profile_sizes: list[str]
    logo_sizes: list[str]


class Configuration(TypedDict):
    """`/configuration`."""

    images: ImageConfiguration


class CensusLine(TypedDict, total=False):
    """One line of a daily export."""

    id: Required[Id]
    adult: bool | None
    popularity: Score


MOVIE = TypeAdapter(Movie)
GENRE_LIST = TypeAdapter(GenreList)
LIST_PAGE = TypeAdapter(ListPage)
CHANGES_PAGE = TypeAdapter(ChangesPage)
CONFIGURATION = TypeAdapter(Configuration)
CENSUS_LINE = TypeAdapter(CensusLine)
