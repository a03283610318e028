"""Movies, genres, people and collections as JSON."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.resources.shapes import WORDS, Day, LargestInt, Page, Query, Shape, when
from marquee.catalog.v1 import catalog_pb2 as pb

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Id = Annotated[int, Field(ge=1, le=LargestInt)]
SORTS = {
    "popularity": pb.MOVIE_SORT_POPULARITY,
    "-popularity": pb.MOVIE_SORT_POPULARITY_DESC,
    "rating": pb.MOVIE_SORT_RATING,
    "-rating": pb.MOVIE_SORT_RATING_DESC,
    "release_date": pb.MOVIE_SORT_RELEASE_DATE,
    "-release_date": pb.MOVIE_SORT_RELEASE_DATE_DESC,
    "title": pb.MOVIE_SORT_TITLE,
    "-title": pb.MOVIE_SORT_TITLE_DESC,
}


class GenreShape(Shape):
    """A genre."""

    genre_id: int = Field(description="TMDb id.", examples=[28])
    name: str = Field(description="Name in the caller's language.", examples=["Action"])


class MovieShape(Shape):
    """A movie as lists show it; a removed one is only `movie_id`, `title` and `removed`."""

    movie_id: int = Field(description="TMDb id.", examples=[550])
    title: str = Field(description="Title in the caller's language, else English.")
    removed: bool = Field(
        default=False, description="Gone from the catalogue; only people's own lists show it."
    )
    original_title: str | None = Field(None, description="Title in its own language.")
    original_language: str | None = Field(None, description="ISO 639-1.")
    overview: str | None = Field(None, description="What it is about.")
    release_date: date | None = Field(None, description="First release.")
    genres: list[GenreShape] = Field(default_factory=list, description="Its genres.")
    popularity: float | None = Field(None, description="TMDb popularity.")
    vote_average: float | None = Field(None, description="0 to 10.")
    vote_count: int | None = Field(None, description="How many votes.")
    runtime_minutes: int | None = Field(None, description="Minutes, null when unknown.")
    adult: bool | None = Field(None, description="Adult content.")
    poster: dict[str, str] | None = Field(None, description="Complete URLs by TMDb size.")
    backdrop: dict[str, str] | None = Field(None, description="Complete URLs by TMDb size.")
    source: str | None = Field(None, description="tmdb, standin or import.")


class CreditShape(Shape):
    """A person's part in a movie."""

    person_id: int = Field(description="TMDb id.")
    name: str = Field(description="Name.")
    department: str = Field(description="Acting, Directing …")
    job: str | None = Field(description="Director …; null for actors.")
    character: str | None = Field(description="For actors.")
    billing_order: int = Field(description="0 first.")
    profile: dict[str, str] | None = Field(description="Complete URLs by TMDb size.")


class KeywordShape(Shape):
    """A keyword."""

    keyword_id: int = Field(description="TMDb id.")
    name: str = Field(description="Text.")


class VideoShape(Shape):
    """A trailer or clip."""

    video_id: str = Field(description="Id at TMDb.")
    name: str = Field(description="Title.")
    site: str = Field(description="YouTube, Vimeo.")
    key: str = Field(description="Id at the site.")
    type: str = Field(description="Trailer, Teaser …")
    language: str = Field(description="ISO 639-1.")
    official: bool = Field(description="From the makers.")


class CollectionShape(Shape):
    """A collection of movies."""

    collection_id: int = Field(description="TMDb id.")
    name: str = Field(description="Name.")
    overview: str = Field(description="About it.")
    poster: dict[str, str] | None = Field(description="Complete URLs by TMDb size.")
    backdrop: dict[str, str] | None = Field(description="Complete URLs by TMDb size.")
    movies: list[MovieShape] = Field(description="By release date; adult ones only if asked for.")
    next_page_token: str | None = Field(
        description="For further movies, of `GET /collections/{collection_id}`; null at the end."
    )


class CertificationShape(Shape):
    """An age rating in one region."""

    region: str = Field(description="ISO 3166-1 alpha-2.")
    certification: str = Field(description="PG-13, FSK 12 …")


class MovieStateShape(Shape):
    """What the caller did with a movie."""

    movie_id: int = Field(description="TMDb id.")
    favorite: bool = Field(description="Is it a favorite.")
    rating: float | None = Field(description="The rating, null without one.")
    watchlist: bool = Field(description="Is it on the watchlist.")
    hidden: bool = Field(description="Is it marked not interested.")


class MovieDetailShape(MovieShape):
    """A movie's own page."""

    tagline: str = Field(description="In the caller's language.")
    status: str = Field(description="Released, Post Production …")
    homepage: str | None = Field(description="URL.")
    budget: int | None = Field(description="US dollars, null when unknown.")
    revenue: int | None = Field(description="US dollars, null when unknown.")
    imdb_id: str | None = Field(description="tt1234567.")
    external_ids: dict[str, str] = Field(description="Ids at other sites.")
    production_countries: list[str] = Field(description="ISO 3166-1.")
    spoken_languages: list[str] = Field(description="ISO 639-1.")
    translated_languages: list[str] = Field(description="Languages with a translation.")
    certifications: list[CertificationShape] = Field(description="By region.")
    collection_id: int | None = Field(description="TMDb id of its collection.")
    collection_name: str | None = Field(description="Name of its collection.")
    synced_at: str | None = Field(description="When it was last fetched.")
    attribution: str = Field(description="Show this wherever TMDb content is shown.")
    credits: list[CreditShape] | None = Field(None, description="With `include=credits`.")
    keywords: list[KeywordShape] | None = Field(None, description="With `include=keywords`.")
    videos: list[VideoShape] | None = Field(None, description="With `include=videos`.")
    collection: CollectionShape | None = Field(None, description="With `include=collection`.")
    my_state: MovieStateShape | None = Field(None, description="With `include=my_state`.")


class MoviePage(Shape):
    """A page of movies."""

    items: list[MovieShape] = Field(description="In order.")
    next_page_token: str | None = Field(description="Null at the end.")


class GenreList(Shape):
    """All genres."""

    items: list[GenreShape] = Field(description="By name.")
    next_page_token: str | None = Field(description="Always null: this list has one page.")


class CreditPage(Shape):
    """A page of credits."""

    items: list[CreditShape] = Field(description="Directors, cast by billing, other crew.")
    next_page_token: str | None = Field(description="Null at the end.")


class PersonShape(Shape):
    """A person of the movie world."""

    person_id: int = Field(description="TMDb id.")
    name: str = Field(description="Name.")
    known_for_department: str = Field(description="Acting, Directing …")
    profile: dict[str, str] | None = Field(description="Complete URLs by TMDb size.")
    popularity: float = Field(description="TMDb popularity.")


class PersonPage(Shape):
    """A page of people."""

    items: list[PersonShape] = Field(description="Best first.")
    next_page_token: str | None = Field(description="Null at the end.")


class PersonCreditShape(Shape):
    """A movie and the person's part in it."""

    movie: MovieShape = Field(description="The movie.")
    department: str = Field(description="Department.")
    job: str | None = Field(description="Null for actors.")
    character: str | None = Field(description="For actors.")


class PersonDetailShape(PersonShape):
    """A person with their movies."""

    credits: list[PersonCreditShape] = Field(description="Most popular first.")
    next_page_token: str | None = Field(description="For further credits; null at the end.")


class WatchProviderShape(Shape):
    """Where a movie can be watched."""

    provider_id: int = Field(description="TMDb id.")
    name: str = Field(description="Name.")
    offer: str = Field(description="stream, rent, buy, free or ads.")
    logo: dict[str, str] | None = Field(description="Complete URLs by TMDb size.")


class WatchProviderList(Shape):
    """Where a movie can be watched in a region."""

    items: list[WatchProviderShape] = Field(description="In TMDb's order.")
    next_page_token: str | None = Field(description="Always null: this list has one page.")
    region: str = Field(description="ISO 3166-1 alpha-2.")
    regions: list[str] = Field(description="Regions there is data for.")
    link: str | None = Field(description="TMDb's page for the region.")


class MovieFilters(Query):
    """The filters of `GET /movies`, also of recommendations."""

    genre_id: list[Id] = Field(default_factory=list, max_length=20, description="Repeat for AND.")
    year: int | None = Field(None, ge=1870, le=2200, description="Release year.")
    released_after: Day | None = Field(None, description="Inclusive.")
    released_before: Day | None = Field(None, description="Inclusive.")
    min_rating: float | None = Field(
        None, ge=0, le=10, allow_inf_nan=False, description="Vote average at least."
    )
    min_votes: int | None = Field(None, ge=0, le=LargestInt, description="Vote count at least.")
    language: Language | None = Field(None, description="Original language, ISO 639-1.")
    min_runtime: int | None = Field(None, ge=0, le=100_000, description="Minutes.")
    max_runtime: int | None = Field(None, ge=0, le=100_000, description="Minutes.")
    person_id: list[Id] = Field(default_factory=list, max_length=20, description="Repeat for AND.")
    keyword_id: list[Id] = Field(default_factory=list, max_length=20, description="Repeat for AND.")
    include_adult: bool | None = Field(None, description="Also adult movies.")

    def values(self) -> dict[str, Any]:
        """The fields that are set, as the contract names them."""
        found: dict[str, Any] = {
            "genre_ids": self.genre_id,
            "person_ids": self.person_id,
            "keyword_ids": self.keyword_id,
            "released_after": self.released_after.isoformat() if self.released_after else "",
            "released_before": self.released_before.isoformat() if self.released_before else "",
            "language": self.language or "",
        }
        for name in (
            "year",
            "min_rating",
            "min_votes",
            "min_runtime",
            "max_runtime",
            "include_adult",
        ):
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        return found


class BrowseQuery(Page, MovieFilters):
    """Query parameters of `GET /movies`."""

    sort: Literal[
        "popularity",
        "-popularity",
        "rating",
        "-rating",
        "release_date",
        "-release_date",
        "title",
        "-title",
    ] = Field("-popularity", description="`-` for descending.")


class SearchQuery(Page):
    """Query parameters of a search."""

    q: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="What to look for.",
            json_schema_extra={"pattern": WORDS},
        ),
    ]


class MovieSearchQuery(SearchQuery):
    """Query parameters of `GET /movies/search`."""

    include_adult: bool = Field(default=False, description="Also adult movies.")
    year: int | None = Field(None, ge=1870, le=2200, description="Release year.")


class TrendingQuery(Page):
    """Query parameters of `GET /movies/trending`."""

    window: Literal["day", "week"] = Field("day", description="Trending today or this week.")


class Images:
    """Turns paths into complete URLs, by what the catalog says of its image host."""

    def __init__(self, configuration: pb.GetConfigurationResponse) -> None:
        self._base = configuration.image_base_url
        self._sizes = {
            "poster": list(configuration.poster_sizes),
            "backdrop": list(configuration.backdrop_sizes),
            "profile": list(configuration.profile_sizes),
            "logo": list(configuration.logo_sizes),
        }
        self.attribution = configuration.attribution

    def urls(self, kind: str, path: str) -> dict[str, str] | None:
        """Complete URL by size, or None without a path."""
        if not path or not self._base:
            return None
        return {size: f"{self._base}{size}{path}" for size in self._sizes[kind]}


def genre_json(genre: pb.Genre) -> dict[str, Any]:
    """A genre."""
    return {"genre_id": genre.genre_id, "name": genre.name}


def movie_json(movie: pb.Movie, images: Images) -> dict[str, Any]:
    """A movie as lists show it."""
    if movie.removed:
        return {"movie_id": movie.movie_id, "title": movie.title, "removed": True}
    return {
        "movie_id": movie.movie_id,
        "title": movie.title,
        "removed": False,
        "original_title": movie.original_title,
        "original_language": movie.original_language or None,
        "overview": movie.overview,
        "release_date": movie.release_date or None,
        "genres": [genre_json(genre) for genre in movie.genres],
        "popularity": movie.popularity,
        "vote_average": movie.vote_average,
        "vote_count": movie.vote_count,
        "runtime_minutes": movie.runtime_minutes or None,
        "adult": movie.adult,
        "poster": images.urls("poster", movie.poster_path),
        "backdrop": images.urls("backdrop", movie.backdrop_path),
        "source": movie.source or None,
    }


def detail_json(reply: pb.GetMovieResponse, images: Images) -> dict[str, Any]:
    """A movie's own page, without what was not asked for."""
    detail = reply.movie
    return {
        **movie_json(detail.movie, images),
        "tagline": detail.tagline,
        "status": detail.status,
        "homepage": detail.homepage or None,
        "budget": detail.budget or None,
        "revenue": detail.revenue or None,
        "imdb_id": detail.imdb_id or None,
        "external_ids": dict(detail.external_ids),
        "production_countries": list(detail.production_countries),
        "spoken_languages": list(detail.spoken_languages),
        "translated_languages": list(detail.translated_languages),
        "certifications": [
            {"region": one.region, "certification": one.certification}
            for one in detail.certifications
        ],
        "collection_id": detail.collection_id or None,
        "collection_name": detail.collection_name or None,
        "synced_at": when(detail.synced_at),
        "attribution": images.attribution,
    }


def credit_json(credit: pb.Credit, images: Images) -> dict[str, Any]:
    """A person's part in a movie."""
    return {
        "person_id": credit.person_id,
        "name": credit.name,
        "department": credit.department,
        "job": credit.job or None,
        "character": credit.character or None,
        "billing_order": credit.billing_order,
        "profile": images.urls("profile", credit.profile_path),
    }


def included_json(
    reply: pb.GetMovieResponse, includes: Iterable[str], images: Images
) -> dict[str, Any]:
    """What was asked for beside a movie."""
    makers: dict[str, Any] = {
        "credits": lambda: [credit_json(one, images) for one in reply.credits],
        "keywords": lambda: [
            {"keyword_id": one.keyword_id, "name": one.name} for one in reply.keywords
        ],
        "videos": lambda: [video_json(one) for one in reply.videos],
        "collection": lambda: (
            collection_json(reply.collection, images) if reply.HasField("collection") else None
        ),
    }
    return {name: makers[name]() for name in includes if name in makers}


def video_json(video: pb.Video) -> dict[str, Any]:
    """A trailer or clip."""
    return {
        "video_id": video.video_id,
        "name": video.name,
        "site": video.site,
        "key": video.key,
        "type": video.type,
        "language": video.language,
        "official": video.official,
    }


def collection_json(collection: pb.Collection, images: Images) -> dict[str, Any]:
    """A collection with its movies."""
    return {
        "collection_id": collection.collection_id,
        "name": collection.name,
        "overview": collection.overview,
        "poster": images.urls("poster", collection.poster_path),
        "backdrop": images.urls("backdrop", collection.backdrop_path),
        "movies": [movie_json(movie, images) for movie in collection.movies],
        "next_page_token": collection.next_page_token or None,
    }


def person_json(person: pb.Person, images: Images) -> dict[str, Any]:
    """A person of the movie world."""
    return {
        "person_id": person.person_id,
        "name": person.name,
        "known_for_department": person.known_for_department,
        "profile": images.urls("profile", person.profile_path),
        "popularity": person.popularity,
    }


def person_credit_json(credit: pb.PersonCredit, images: Images) -> dict[str, Any]:
    """A movie and a person's part in it."""
    return {
        "movie": movie_json(credit.movie, images),
        "department": credit.department,
        "job": credit.job or None,
        "character": credit.character or None,
    }


def provider_json(provider: pb.WatchProvider, images: Images) -> dict[str, Any]:
    """Where a movie can be watched."""
    return {
        "provider_id": provider.provider_id,
        "name": provider.name,
        "offer": provider.offer,
        "logo": images.urls("logo", provider.logo_path),
    }
