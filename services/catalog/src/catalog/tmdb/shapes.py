"""TMDb's answers as we need them. Fields appear there at any time: what is extra is passed over.

Structs of msgspec: pydantic's models, and even its dictionaries, cost three times as much, and a
hundred of these are made for each movie.
"""

from typing import Annotated, Any, TypeGuard

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

LARGEST = 2**63 - 1
PAGES_LIMIT = 500
"""Of anything that comes in pages, TMDb answers no more."""
LARGEST_INTEGER = 2**31 - 1
LONGEST = 2000
"""Characters of a text. TMDb takes 1,000 for a movie's overview, the longest of them.

A list shows six of a movie and its genres: where each character takes four bytes, 65,000 bytes.
Of 500 movies, the most that are asked for at once, that is less than the 32 MiB of an answer.
"""
_GENRES_LIMIT = 40
_GENRE_LENGTH = 100
"""TMDb has nineteen genres, none of them of thirty characters."""

# Null may stand anywhere; it is turned into "" and 0 where the answer is read.
_Text = Annotated[str, Meta(max_length=LONGEST)]
Text = _Text | None
Id = Annotated[int, Meta(ge=1, le=LARGEST)]
Money = Annotated[int, Meta(ge=-LARGEST, le=LARGEST)] | None
Count = Annotated[int, Meta(ge=0, le=LARGEST)] | None
Small = Annotated[int, Meta(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)] | None
Minutes = Annotated[int, Meta(ge=-LARGEST_INTEGER, le=100_000)] | None
Score = Annotated[float, Meta(ge=0, le=1e9)] | None
Average = Annotated[float, Meta(ge=0, le=10)] | None


class Shape(Struct, gc=False):
    """Without cycles, so that nobody need look for them."""


class Genre(Shape):
    id: Id
    name: Annotated[str, Meta(max_length=_GENRE_LENGTH)] | None = None


class Keyword(Shape):
    id: Id
    name: Text = None


class Cast(Shape):
    id: Id
    name: Text = None
    known_for_department: Text = None
    profile_path: Text = None
    popularity: Score = None
    character: Text = None
    order: Small = None


class Crew(Shape):
    id: Id
    name: Text = None
    known_for_department: Text = None
    profile_path: Text = None
    popularity: Score = None
    department: Text = None
    job: Text = None


class Credits(Shape):
    cast: list[Cast] | None = None
    crew: list[Crew] | None = None


class Keywords(Shape):
    keywords: list[Keyword] | None = None


class Release(Shape):
    certification: Text = None
    type: Small = None


class Releases(Shape):
    iso_3166_1: Text = None
    release_dates: list[Release] | None = None


class ReleaseDates(Shape):
    results: list[Releases] | None = None


class Video(Shape):
    id: _Text
    name: Text = None
    site: Text = None
    key: Text = None
    type: Text = None
    iso_639_1: Text = None
    official: bool | None = None


class Videos(Shape):
    results: list[Video] | None = None


class TranslatedTexts(Shape):
    """One that is too long is left out where they are read: the movie has others."""

    title: str | None = None
    overview: str | None = None
    tagline: str | None = None


class Translation(Shape):
    iso_639_1: Text = None
    iso_3166_1: Text = None
    data: TranslatedTexts | None = None


class Translations(Shape):
    translations: list[Translation] | None = None


class Provider(Shape):
    provider_id: Id
    provider_name: Text = None
    logo_path: Text = None
    display_priority: Small = None


class Offers(Shape):
    link: Text = None
    flatrate: list[Provider] | None = None
    rent: list[Provider] | None = None
    buy: list[Provider] | None = None
    free: list[Provider] | None = None
    ads: list[Provider] | None = None


class Providers(Shape):
    results: dict[str, Offers] | None = None


class BelongsTo(Shape):
    id: Id
    name: Text = None
    poster_path: Text = None
    backdrop_path: Text = None


class Country(Shape):
    iso_3166_1: Text = None


class Spoken(Shape):
    iso_639_1: Text = None


class Movie(Shape):
    """`/movie/{id}` with `append_to_response`."""

    id: Id
    title: Text = None
    original_title: Text = None
    original_language: Text = None
    overview: Text = None
    tagline: Text = None
    status: Text = None
    homepage: Text = None
    release_date: Text = None
    runtime: Minutes = None
    budget: Money = None
    revenue: Money = None
    imdb_id: Text = None
    adult: bool | None = None
    poster_path: Text = None
    backdrop_path: Text = None
    popularity: Score = None
    vote_average: Average = None
    vote_count: Count = None
    belongs_to_collection: BelongsTo | None = None
    genres: Annotated[list[Genre], Meta(max_length=_GENRES_LIMIT)] | None = None
    production_countries: list[Country] | None = None
    spoken_languages: list[Spoken] | None = None
    credits: Credits | None = None
    keywords: Keywords | None = None
    release_dates: ReleaseDates | None = None
    videos: Videos | None = None
    translations: Translations | None = None
    external_ids: dict[str, str | int | None] | None = None
    providers: Providers | None = field(default=None, name="watch/providers")


NOT_NEEDED = frozenset({
    "origin_country", "production_companies", "softcore", "video",
    "production_countries.name", "spoken_languages.english_name", "spoken_languages.name",
    *(
        f"credits.{part}.{name}"
        for part in ("cast", "crew")
        for name in ("adult", "cast_id", "credit_id", "gender", "original_name")
    ),
    *(
        f"release_dates.results.release_dates.{name}"
        for name in ("descriptors", "iso_639_1", "note", "release_date")
    ),
    *(f"translations.translations.{name}" for name in ("english_name", "name")),
    *(f"translations.translations.data.{name}" for name in ("homepage", "runtime")),
    *(f"videos.results.{name}" for name in ("iso_3166_1", "published_at", "size")),
})  # fmt: skip
"""Fields of a movie that we know and leave."""


class GenreList(Shape):
    """`/genre/movie/list`."""

    genres: list[Genre]


class Listed(Shape):
    """A movie as lists show it."""

    id: int | None = None
    adult: bool | None = None
    popularity: Score = None


class ListPage(Shape):
    """A page of popular, top-rated, trending ..."""

    results: list[Listed]
    total_pages: int | None = None
    """It lies: 58,324 have been seen where 500 can be asked for."""


class Changed(Shape):
    """A movie that was edited; both may be null."""

    id: int | None = None
    adult: bool | None = None


class ChangesPage(Shape):
    """A page of `/movie/changes`."""

    results: list[Changed]
    total_pages: int | None = None


class ImageConfiguration(Shape):
    """Where pictures are and in which sizes."""

    secure_base_url: str
    poster_sizes: list[str]
    backdrop_sizes: list[str]
    profile_sizes: list[str]
    logo_sizes: list[str]


class Configuration(Shape):
    """`/configuration`."""

    images: ImageConfiguration


class CensusLine(Shape):
    """One line of a daily export."""

    id: Id
    adult: bool | None = None
    popularity: Score = None


def decoder(shape: Any) -> Decoder[Any]:
    """Reads a shape; numbers that come as text are taken for numbers."""
    return Decoder(shape, strict=False)


MOVIE: Decoder[Movie] = decoder(Movie)
GENRE_LIST: Decoder[GenreList] = decoder(GenreList)
LIST_PAGE: Decoder[ListPage] = decoder(ListPage)
CHANGES_PAGE: Decoder[ChangesPage] = decoder(ChangesPage)
CONFIGURATION: Decoder[Configuration] = decoder(Configuration)
CENSUS_LINE: Decoder[CensusLine] = decoder(CensusLine)


def is_id(value: int | None) -> TypeGuard[int]:
    """Null has been seen among changes; an entry without an id names nothing."""
    return value is not None and 0 < value <= LARGEST
