"""Browsing the catalogue."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import Field

from chassis.errors import Unauthenticated
from gateway import context
from gateway.auth import Person
from gateway.context import Context
from gateway.entities import PRIVATE, PUBLIC, tagged
from gateway.problems import invalid
from gateway.resources import movies as shapes
from gateway.resources.interactions import ReviewPage, movie_stats_json, review_json, state_json
from gateway.resources.movies import movie_json
from gateway.resources.shapes import MovieId, Page, page
from gateway.resources.shapes import Query as QueryShape
from gateway.routes.frame import Visitor, public, refusals
from marquee.catalog.v1 import catalog_pb2 as pb
from marquee.interactions.v1 import interactions_pb2
from marquee.recommender.v1 import recommender_pb2

router = public("movies")
Include = Literal["credits", "keywords", "videos", "collection", "my_state"]
_INCLUDES = {
    "credits": pb.MOVIE_INCLUDE_CREDITS,
    "keywords": pb.MOVIE_INCLUDE_KEYWORDS,
    "videos": pb.MOVIE_INCLUDE_VIDEOS,
    "collection": pb.MOVIE_INCLUDE_COLLECTION,
}
_NAME = rf"( *({'|'.join([*_INCLUDES, 'my_state'])})? *)"
_NAMES = rf"^{_NAME}(,{_NAME})*$"
_TRENDING = {"day": pb.FEATURED_LIST_TRENDING_DAY, "week": pb.FEATURED_LIST_TRENDING_WEEK}


class DetailQuery(QueryShape):
    """Query parameters of `GET /movies/{movie_id}`."""

    include: list[str] = Field(
        default_factory=list,
        max_length=10,
        description="credits, keywords, videos, collection, my_state; repeat or join by commas.",
        json_schema_extra={"items": {"type": "string", "pattern": _NAMES}},
    )
    include_adult: bool = Field(default=False, description="Also adult movies of its collection.")

    def names(self) -> list[str]:
        """The names asked for."""
        return [
            name.strip(" ") for one in self.include for name in one.split(",") if name.strip(" ")
        ]


class RegionQuery(QueryShape):
    """Query parameters of watch providers."""

    region: shapes.Region = Field("US", description="ISO 3166-1 alpha-2.")


class SimilarQuery(Page):
    """Query parameters of similar movies."""

    include_adult: bool = Field(default=False, description="Also adult movies.")


@router.get(
    "/genres", response_model=shapes.GenreList, summary="List all genres", responses=refusals()
)
async def list_genres(request: Request, caller: Visitor) -> Response:
    """All genres by name, in the caller's language."""
    here = context.of(request)
    language = await here.language(request, caller)
    reply = await here.services.catalog.ListGenres(pb.ListGenresRequest(language=language))
    found = page([shapes.genre_json(genre) for genre in reply.genres], "")
    return tagged(request, found, cache=_cache(caller))


@router.get(
    "/movies", response_model=shapes.MoviePage, summary="Browse movies", responses=refusals()
)
async def list_movies(
    request: Request, caller: Visitor, query: Annotated[shapes.BrowseQuery, Query()]
) -> Response:
    """Movies by filters, in the order asked for."""
    here = context.of(request)
    reply = await here.services.catalog.ListMovies(
        pb.ListMoviesRequest(
            filter=pb.MovieFilter(**query.values()),
            sort=shapes.SORTS[query.sort],
            language=await here.language(request, caller),
            page_size=query.size,
            page_token=query.page_token,
        )
    )
    return await _movie_page(request, caller, reply)


@router.get(
    "/movies/search",
    response_model=shapes.MoviePage,
    summary="Search movies by title",
    responses=refusals(),
)
async def search_movies(
    request: Request, caller: Visitor, query: Annotated[shapes.MovieSearchQuery, Query()]
) -> Response:
    """Movies whose original or translated title is like `q`; typos are forgiven."""
    here = context.of(request)
    reply = await here.services.catalog.SearchMovies(
        pb.SearchMoviesRequest(
            query=query.q,
            language=await here.language(request, caller),
            include_adult=query.include_adult,
            year=query.year or 0,
            page_size=query.size,
            page_token=query.page_token,
        )
    )
    if caller is not None and not query.page_token:
        here.recorder.saw(
            caller.user_id,
            "search",
            here.client(request),
            query=query.q.strip()[:200],
            results_count=len(reply.movies),
        )
    return await _movie_page(request, caller, reply)


@router.get(
    "/movies/trending",
    response_model=shapes.MoviePage,
    summary="List trending movies",
    responses=refusals(),
)
async def list_trending_movies(
    request: Request, caller: Visitor, query: Annotated[shapes.TrendingQuery, Query()]
) -> Response:
    """What is trending today or this week."""
    return await _featured(request, caller, _TRENDING[query.window], query)


@router.get(
    "/movies/popular",
    response_model=shapes.MoviePage,
    summary="List popular movies",
    responses=refusals(),
)
async def list_popular_movies(
    request: Request, caller: Visitor, query: Annotated[Page, Query()]
) -> Response:
    """What is popular."""
    return await _featured(request, caller, pb.FEATURED_LIST_POPULAR, query)


@router.get(
    "/movies/top-rated",
    response_model=shapes.MoviePage,
    summary="List best rated movies",
    responses=refusals(),
)
async def list_top_rated_movies(
    request: Request, caller: Visitor, query: Annotated[Page, Query()]
) -> Response:
    """What is rated best."""
    return await _featured(request, caller, pb.FEATURED_LIST_TOP_RATED, query)


@router.get(
    "/movies/now-playing",
    response_model=shapes.MoviePage,
    summary="List movies in cinemas",
    responses=refusals(),
)
async def list_now_playing_movies(
    request: Request, caller: Visitor, query: Annotated[Page, Query()]
) -> Response:
    """What is in cinemas now."""
    return await _featured(request, caller, pb.FEATURED_LIST_NOW_PLAYING, query)


@router.get(
    "/movies/upcoming",
    response_model=shapes.MoviePage,
    summary="List upcoming movies",
    responses=refusals(),
)
async def list_upcoming_movies(
    request: Request, caller: Visitor, query: Annotated[Page, Query()]
) -> Response:
    """What comes to cinemas soon."""
    return await _featured(request, caller, pb.FEATURED_LIST_UPCOMING, query)


@router.get(
    "/movies/{movie_id}",
    response_model=shapes.MovieDetailShape,
    response_model_exclude_unset=True,
    summary="Get a movie",
    responses=refusals(404),
)
async def get_movie(
    request: Request,
    caller: Visitor,
    movie_id: Annotated[MovieId, Path()],
    query: Annotated[DetailQuery, Query()],
) -> Response:
    """A movie with what `include` names; `my_state` needs a signed-in caller."""
    here = context.of(request)
    names = _includes(query, caller)
    language, images = await asyncio.gather(
        here.language(request, caller), here.configuration.images()
    )
    asked = pb.GetMovieRequest(
        movie_id=movie_id,
        language=language,
        includes=[_INCLUDES[name] for name in names if name in _INCLUDES],
        include_adult=query.include_adult,
    )
    state = _my_state(here, caller, movie_id) if "my_state" in names else _nothing()
    reply, mine = await asyncio.gather(here.services.catalog.GetMovie(asked), state)
    found = shapes.detail_json(reply, images) | shapes.included_json(reply, names, images)
    if "my_state" in names:
        found["my_state"] = mine
    if caller is not None:
        here.recorder.saw(caller.user_id, "view_movie", here.client(request), movie_id=movie_id)
    return tagged(request, found, cache=_cache(caller))


@router.get(
    "/movies/{movie_id}/credits",
    response_model=shapes.CreditPage,
    summary="List cast and crew",
    responses=refusals(404),
)
async def list_credits(
    request: Request,
    caller: Visitor,
    movie_id: Annotated[MovieId, Path()],
    query: Annotated[Page, Query()],
) -> Response:
    """Directors, then cast by billing, then other crew."""
    here = context.of(request)
    asked = pb.ListCreditsRequest(
        movie_id=movie_id, page_size=query.size, page_token=query.page_token
    )
    images, reply = await asyncio.gather(
        here.configuration.images(), here.services.catalog.ListCredits(asked)
    )
    items = [shapes.credit_json(credit, images) for credit in reply.credits]
    return tagged(request, page(items, reply.next_page_token), cache=_cache(caller))


@router.get(
    "/movies/{movie_id}/similar",
    response_model=shapes.MoviePage,
    summary="List similar movies",
    responses=refusals(404),
)
async def list_similar_movies(
    request: Request,
    caller: Visitor,
    movie_id: Annotated[MovieId, Path()],
    query: Annotated[SimilarQuery, Query()],
) -> Response:
    """Movies like this one, most similar first."""
    here = context.of(request)
    reply = await here.services.recommender.ListSimilarMovies(
        recommender_pb2.ListSimilarMoviesRequest(
            movie_id=movie_id,
            page_size=query.size,
            page_token=query.page_token,
            include_adult=query.include_adult,
        )
    )
    language = await here.language(request, caller)
    movie_ids = [movie.movie_id for movie in reply.movies]
    cards = await here.movies.cards(movie_ids, language)
    items = [cards[movie_id] for movie_id in movie_ids if movie_id in cards]
    return tagged(request, page(items, reply.next_page_token), cache=_cache(caller))


@router.get(
    "/movies/{movie_id}/reviews",
    response_model=ReviewPage,
    summary="List reviews",
    responses=refusals(404),
)
async def list_reviews(
    request: Request,
    caller: Visitor,
    movie_id: Annotated[MovieId, Path()],
    query: Annotated[Page, Query()],
) -> Response:
    """Reviews by people here, newest first, and how many people rate, love and await it."""
    reply = await context.of(request).services.interactions.ListReviews(
        interactions_pb2.ListReviewsRequest(
            movie_id=movie_id, page_size=query.size, page_token=query.page_token
        ),
        metadata=caller.metadata if caller else None,
    )
    items = [review_json(review) for review in reply.reviews]
    found = {**page(items, reply.next_page_token), "stats": movie_stats_json(reply.stats)}
    return tagged(request, found)


@router.get(
    "/movies/{movie_id}/watch-providers",
    response_model=shapes.WatchProviderList,
    summary="List where to watch",
    responses=refusals(404),
)
async def list_watch_providers(
    request: Request,
    caller: Visitor,
    movie_id: Annotated[MovieId, Path()],
    query: Annotated[RegionQuery, Query()],
) -> Response:
    """Where the movie can be watched in a region."""
    here = context.of(request)
    asked = pb.ListWatchProvidersRequest(movie_id=movie_id, region=query.region)
    images, reply = await asyncio.gather(
        here.configuration.images(), here.services.catalog.ListWatchProviders(asked)
    )
    found: dict[str, Any] = page([shapes.provider_json(one, images) for one in reply.providers], "")
    found |= {"region": query.region, "regions": list(reply.regions), "link": reply.link or None}
    return tagged(request, found, cache=_cache(caller))


def _cache(caller: Person | None) -> str:
    return PUBLIC if caller is None else PRIVATE


def _includes(query: DetailQuery, caller: Person | None) -> list[str]:
    names = list(dict.fromkeys(query.names()))
    known = {*_INCLUDES, "my_state"}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise invalid("/include", f"must be of {', '.join(sorted(known))}", where="query")
    if "my_state" in names and caller is None:
        raise Unauthenticated("`include=my_state` needs an access token.")
    return names


async def _my_state(here: Context, caller: Person | None, movie_id: int) -> dict[str, Any]:
    assert caller is not None  # noqa: S101 - _includes has refused strangers
    reply = await here.services.interactions.BatchGetMovieStates(
        interactions_pb2.BatchGetMovieStatesRequest(movie_ids=[movie_id]),
        metadata=caller.metadata,
    )
    return state_json(reply.states[0])


async def _nothing() -> None:
    return None


async def _featured(
    request: Request, caller: Person | None, which: "pb.FeaturedList", query: Page
) -> Response:
    here = context.of(request)
    reply = await here.services.catalog.ListFeaturedMovies(
        pb.ListFeaturedMoviesRequest(
            list=which,
            language=await here.language(request, caller),
            page_size=query.size,
            page_token=query.page_token,
        )
    )
    return await _movie_page(request, caller, reply)


async def _movie_page(request: Request, caller: Person | None, reply: Any) -> Response:
    images = await context.of(request).configuration.images()
    items = [movie_json(movie, images) for movie in reply.movies]
    return tagged(request, page(items, reply.next_page_token), cache=_cache(caller))
