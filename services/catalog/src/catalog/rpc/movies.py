"""Movies: one, many, by filters, by title, and the ready-made lists."""

from datetime import date
from typing import Any

import grpc
import orjson
import redis
import structlog
from sqlalchemy.engine import Connection

from catalog import messages
from catalog.domain.languages import Language
from catalog.domain.movies import ATTRIBUTION, BATCH_LIMIT, FEATURED_LISTS, MovieNotFound
from catalog.domain.titles import title_key
from catalog.operations.listing import cache_key
from catalog.rpc.filters import YEARS, wanted_movies
from catalog.rpc.frame import (
    Frame,
    checked_id,
    checked_query,
    language_of,
    scope,
)
from catalog.store import browsing, featured, filtering, movies, references, searching
from chassis.errors import Invalid
from chassis.paging import page_size
from chassis.text import clean_text
from marquee.catalog.v1 import catalog_pb2 as pb

_ORDERS = {
    pb.MOVIE_SORT_UNSPECIFIED: browsing.Order("popularity", descending=True),
    pb.MOVIE_SORT_POPULARITY: browsing.Order("popularity", descending=False),
    pb.MOVIE_SORT_POPULARITY_DESC: browsing.Order("popularity", descending=True),
    pb.MOVIE_SORT_RATING: browsing.Order("vote_average", descending=False),
    pb.MOVIE_SORT_RATING_DESC: browsing.Order("vote_average", descending=True),
    pb.MOVIE_SORT_RELEASE_DATE: browsing.Order("release_date", descending=False),
    pb.MOVIE_SORT_RELEASE_DATE_DESC: browsing.Order("release_date", descending=True),
    pb.MOVIE_SORT_TITLE: browsing.Order("title_key", descending=False),
    pb.MOVIE_SORT_TITLE_DESC: browsing.Order("title_key", descending=True),
}
_LIST_NAMES = dict(
    zip(
        (
            pb.FEATURED_LIST_TRENDING_DAY,
            pb.FEATURED_LIST_TRENDING_WEEK,
            pb.FEATURED_LIST_POPULAR,
            pb.FEATURED_LIST_TOP_RATED,
            pb.FEATURED_LIST_NOW_PLAYING,
            pb.FEATURED_LIST_UPCOMING,
        ),
        FEATURED_LISTS,
        strict=True,
    )
)
_CREDITS_INCLUDED = 1000
_CACHE_SECONDS = 3600
_FEATURED_LIMIT = 200
_IMAGES_OF_TMDB: dict[str, Any] = {
    "secure_base_url": "https://image.tmdb.org/t/p/",
    "poster_sizes": ["w92", "w154", "w185", "w342", "w500", "w780", "original"],
    "backdrop_sizes": ["w300", "w780", "w1280", "original"],
    "profile_sizes": ["w45", "w185", "h632", "original"],
    "logo_sizes": ["w45", "w92", "w154", "w185", "w300", "w500", "original"],
}

log = structlog.get_logger()


class MoviesServicer(Frame):
    """Reading movies."""

    def GetMovie(
        self, request: pb.GetMovieRequest, context: grpc.ServicerContext
    ) -> pb.GetMovieResponse:
        movie_id = checked_id(request.movie_id, "movie_id")
        language = language_of(request.language)
        if unknown := set(request.includes) - set(pb.MovieInclude.values()):
            raise Invalid(f"cannot include {min(unknown)}", field="includes")
        with self._database.read() as connection:
            row = movies.detail(connection, movie_id, language)
            if row is None:
                raise MovieNotFound(f"there is no movie {movie_id}", movie_id=movie_id)
            shown = messages.movie(row, self._genre_names(connection, language))
            reply = pb.GetMovieResponse(movie=messages.movie_detail(shown, row))
            self._include(connection, reply, request, language)
        return reply

    def BatchGetMovies(
        self, request: pb.BatchGetMoviesRequest, context: grpc.ServicerContext
    ) -> pb.BatchGetMoviesResponse:
        if len(request.movie_ids) > BATCH_LIMIT:
            raise Invalid(f"at most {BATCH_LIMIT} movies", field="movie_ids")
        language = language_of(request.language)
        with self._database.read() as connection:
            return pb.BatchGetMoviesResponse(
                movies=self._shown(connection, request.movie_ids, language)
            )

    def ListMovies(
        self, request: pb.ListMoviesRequest, context: grpc.ServicerContext
    ) -> pb.ListMoviesResponse:
        size, language = page_size(request.page_size), language_of(request.language)
        wanted = wanted_movies(request.filter)
        if request.sort not in _ORDERS:
            raise Invalid("is not an order", field="sort")
        order = _ORDERS[request.sort]
        belongs = scope("movies", filter=wanted, sort=request.sort)
        after = None
        if request.page_token:
            value, movie_id = self._tokens.decode(belongs, request.page_token)
            if order.column == "release_date" and value is not None:
                value = date.fromisoformat(value)
            after = browsing.Place(value, movie_id)
        with self._database.read() as connection:
            places = browsing.page(connection, wanted, order, after, size + 1)
            page = places[:size]
            shown = self._shown(connection, [place.movie_id for place in page], language)
        token = ""
        if len(places) > size:
            last = page[-1]
            value = last.value.isoformat() if isinstance(last.value, date) else last.value
            token = self._tokens.encode(belongs, [value, last.movie_id])
        return pb.ListMoviesResponse(movies=shown, next_page_token=token)

    def SearchMovies(
        self, request: pb.SearchMoviesRequest, context: grpc.ServicerContext
    ) -> pb.SearchMoviesResponse:
        size, language = page_size(request.page_size), language_of(request.language)
        if request.year and request.year not in YEARS:
            raise Invalid("is not a year", field="year")
        key = title_key(checked_query(request.query))
        query = searching.Query(key, request.include_adult, request.year)
        belongs = scope("search", query=query)
        after = None
        if request.page_token:
            after = searching.Hit(*self._tokens.decode(belongs, request.page_token))
        with self._database.read() as connection:
            hits = searching.movies(connection, query, after, size + 1)
            shown = self._shown(connection, [hit.id for hit in hits[:size]], language)
        token = ""
        if len(hits) > size:
            last = hits[size - 1]
            values = [last.rank, last.likeness, last.popularity, last.id]
            token = self._tokens.encode(belongs, values)
        return pb.SearchMoviesResponse(movies=shown, next_page_token=token)

    def ListFeaturedMovies(
        self, request: pb.ListFeaturedMoviesRequest, context: grpc.ServicerContext
    ) -> pb.ListFeaturedMoviesResponse:
        size, language = page_size(request.page_size), language_of(request.language)
        if request.list not in _LIST_NAMES:
            raise Invalid("is not a list", field="list")
        name = _LIST_NAMES[request.list]
        belongs = scope("featured", list=name)
        # A list is replaced as a whole: its token holds the movies that are still to come.
        todo: list[int] | None = None
        if request.page_token:
            todo = self._tokens.decode(belongs, request.page_token)
        with self._database.read() as connection:
            if todo is None:
                todo = self._featured_ids(connection, name)
            known = self._shown(connection, todo[:size], language)
        rest = todo[size:]
        token = self._tokens.encode(belongs, rest) if rest else ""
        # One may have been removed since the first page.
        shown = [movie for movie in known if not movie.removed]
        return pb.ListFeaturedMoviesResponse(movies=shown, next_page_token=token)

    def ListGenres(
        self, request: pb.ListGenresRequest, context: grpc.ServicerContext
    ) -> pb.ListGenresResponse:
        language = language_of(request.language)
        with self._database.read() as connection:
            names = self._genre_names(connection, language)
        genres = [pb.Genre(genre_id=key, name=name) for key, name in names.items()]
        return pb.ListGenresResponse(genres=sorted(genres, key=lambda one: one.name))

    def ListCredits(
        self, request: pb.ListCreditsRequest, context: grpc.ServicerContext
    ) -> pb.ListCreditsResponse:
        movie_id = checked_id(request.movie_id, "movie_id")
        size = page_size(request.page_size)
        belongs, after = scope("credits", movie_id=movie_id), -1
        if request.page_token:
            (after,) = self._tokens.decode(belongs, request.page_token)
        with self._database.read() as connection:
            self._require(connection, movie_id)
            rows = movies.credits_of(connection, movie_id, after, size + 1)
        more = len(rows) > size
        token = self._tokens.encode(belongs, [rows[size - 1]["position"]]) if more else ""
        shown = [messages.credit(row) for row in rows[:size]]
        return pb.ListCreditsResponse(credits=shown, next_page_token=token)

    def ListWatchProviders(
        self, request: pb.ListWatchProvidersRequest, context: grpc.ServicerContext
    ) -> pb.ListWatchProvidersResponse:
        movie_id = checked_id(request.movie_id, "movie_id")
        region = clean_text(request.region, field="region", max_length=2).upper()
        if not (region.isascii() and region.isalpha() and len(region) == len("US")):
            raise Invalid("must be two letters such as US", field="region")
        with self._database.read() as connection:
            row = movies.watch_providers(connection, movie_id, region)
        if row is None:
            raise MovieNotFound(f"there is no movie {movie_id}", movie_id=movie_id)
        offers: dict[str, Any] = row["offers"] or {"link": "", "offers": []}
        providers = [messages.watch_provider(offer) for offer in offers["offers"]]
        return pb.ListWatchProvidersResponse(
            providers=sorted(providers, key=lambda one: one.display_priority),
            link=offers["link"],
            regions=sorted(row["regions"]),
        )

    def GetConfiguration(
        self, request: pb.GetConfigurationRequest, context: grpc.ServicerContext
    ) -> pb.GetConfigurationResponse:
        with self._database.read() as connection:
            body = references.body(connection, self._source, "configuration")
        images = body["images"] if body else _IMAGES_OF_TMDB
        return messages.configuration(images, ATTRIBUTION)

    def CountMovies(
        self, request: pb.CountMoviesRequest, context: grpc.ServicerContext
    ) -> pb.CountMoviesResponse:
        with self._database.read() as connection:
            return pb.CountMoviesResponse(movies_count=movies.count(connection))

    def _require(self, connection: Connection, movie_id: int) -> None:
        if not movies.exists(connection, movie_id):
            raise MovieNotFound(f"there is no movie {movie_id}", movie_id=movie_id)

    def _include(
        self,
        connection: Connection,
        reply: pb.GetMovieResponse,
        request: pb.GetMovieRequest,
        language: Language,
    ) -> None:
        movie_id, includes = request.movie_id, request.includes
        if pb.MOVIE_INCLUDE_CREDITS in includes:
            rows = movies.credits_of(connection, movie_id, -1, _CREDITS_INCLUDED)
            reply.credits.extend(messages.credit(row) for row in rows)
        if pb.MOVIE_INCLUDE_KEYWORDS in includes:
            rows = movies.keywords_of(connection, movie_id)
            reply.keywords.extend(messages.keyword(row) for row in rows)
        if pb.MOVIE_INCLUDE_VIDEOS in includes:
            rows = movies.videos_of(connection, movie_id)
            reply.videos.extend(messages.video(row) for row in rows)
        if pb.MOVIE_INCLUDE_COLLECTION in includes and reply.movie.collection_id:
            asked = pb.GetCollectionRequest(
                collection_id=reply.movie.collection_id, include_adult=request.include_adult
            )
            if found := self._collection(connection, asked, language):
                reply.collection.CopyFrom(found)

    def _featured_ids(self, connection: Connection, name: str) -> list[int]:
        """From the cache, else the table; popularity when no list was synced yet."""
        try:
            cached: Any = self._cache.get(cache_key(name))
            ids = orjson.loads(cached) if cached else featured.ids_of(connection, name)
            if ids and not cached:
                self._cache.set(cache_key(name), orjson.dumps(ids), ex=_CACHE_SECONDS)
        except redis.RedisError as error:
            log.warning("list not cached", list=name, error=str(error))
            ids = featured.ids_of(connection, name)
        if not ids:
            return self._popular_ids(connection)
        return featured.showable(connection, ids)[:_FEATURED_LIMIT]

    def _popular_ids(self, connection: Connection) -> list[int]:
        order = browsing.Order("popularity", descending=True)
        places = browsing.page(connection, filtering.Filter(), order, None, _FEATURED_LIMIT)
        return [place.movie_id for place in places]
