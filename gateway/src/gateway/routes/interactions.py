"""Favorites, ratings, watchlist and hidden movies of the caller."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Body, Path, Query, Request, Response

from gateway import context
from gateway.auth import Person
from gateway.entities import tagged
from gateway.resources import interactions as shapes
from gateway.resources.shapes import MovieId, Page, page
from gateway.routes.frame import Preconditions, SignedIn, personal, refusals, shown_movies
from marquee.interactions.v1 import interactions_pb2 as pb

router = personal("interactions", "/me")
Id = Annotated[MovieId, Path()]
_NO_RATING = {"model": shapes.RatingShape, "description": "Rated for the first time."}


@router.get(
    "/favorites",
    response_model=shapes.FavoritePage,
    summary="List your favorites",
    responses=refusals(401),
)
async def list_favorites(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    asked = pb.ListFavoritesRequest(page_size=query.size, page_token=query.page_token)
    reply = await _interactions(request).ListFavorites(asked, metadata=caller.metadata)
    return await _listed(request, caller, reply, reply.favorites, shapes.favorite_json)


@router.put(
    "/favorites/{movie_id}",
    response_model=shapes.FavoriteShape,
    summary="Add a favorite",
    responses=refusals(
        401,
        404,
        412,
        s201={"model": shapes.FavoriteShape, "description": "A favorite from now on."},
    ),
)
async def add_favorite(
    request: Request, caller: SignedIn, movie_id: Id, conditions: Preconditions
) -> Response:
    """201 the first time, 200 after."""
    reply = await _interactions(request).AddFavorite(
        pb.AddFavoriteRequest(movie_id=movie_id, **conditions), metadata=caller.metadata
    )
    movie = await _written(request, caller, reply.sequence, movie_id)
    return tagged(
        request,
        shapes.favorite_json(reply.favorite, movie),
        etag=reply.favorite.etag,
        status=_status(reply.created),
    )


@router.delete(
    "/favorites/{movie_id}",
    status_code=204,
    summary="Remove a favorite",
    responses=refusals(401, 412),
)
async def remove_favorite(
    request: Request, caller: SignedIn, movie_id: Id, conditions: Preconditions
) -> Response:
    """204 also when it was none."""
    reply = await _interactions(request).RemoveFavorite(
        pb.RemoveFavoriteRequest(movie_id=movie_id, **conditions), metadata=caller.metadata
    )
    return await _gone(request, caller, reply.sequence)


@router.get(
    "/ratings",
    response_model=shapes.RatingPage,
    summary="List your ratings",
    responses=refusals(401),
)
async def list_ratings(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    asked = pb.ListRatingsRequest(page_size=query.size, page_token=query.page_token)
    reply = await _interactions(request).ListRatings(asked, metadata=caller.metadata)
    return await _listed(request, caller, reply, reply.ratings, shapes.rating_json)


@router.get(
    "/ratings/{movie_id}",
    response_model=shapes.RatingShape,
    summary="Get your rating",
    responses=refusals(401, 404),
)
async def get_rating(request: Request, caller: SignedIn, movie_id: Id) -> Response:
    """Your rating of one movie."""
    reply = await _interactions(request).GetRating(
        pb.GetRatingRequest(movie_id=movie_id), metadata=caller.metadata
    )
    movie = await _movie(request, caller, movie_id)
    return tagged(request, shapes.rating_json(reply.rating, movie), etag=reply.rating.etag)


@router.put(
    "/ratings/{movie_id}",
    response_model=shapes.RatingShape,
    summary="Rate a movie",
    responses=refusals(401, 404, 412, s201=_NO_RATING),
)
async def rate_movie(
    request: Request,
    caller: SignedIn,
    movie_id: Id,
    body: shapes.RatingInput,
    conditions: Preconditions,
) -> Response:
    """201 the first time, 200 after; it counts in the very next recommendations."""
    reply = await _interactions(request).RateMovie(
        pb.RateMovieRequest(
            movie_id=movie_id,
            rating=body.rating,
            review=body.review,
            has_spoilers=body.has_spoilers,
            **conditions,
        ),
        metadata=caller.metadata,
    )
    movie = await _written(request, caller, reply.sequence, movie_id)
    return tagged(
        request,
        shapes.rating_json(reply.rating, movie),
        etag=reply.rating.etag,
        status=_status(reply.created),
    )


@router.delete(
    "/ratings/{movie_id}",
    status_code=204,
    summary="Take a rating back",
    responses=refusals(401, 412),
)
async def delete_rating(
    request: Request, caller: SignedIn, movie_id: Id, conditions: Preconditions
) -> Response:
    """204 also when there was none."""
    reply = await _interactions(request).DeleteRating(
        pb.DeleteRatingRequest(movie_id=movie_id, **conditions), metadata=caller.metadata
    )
    return await _gone(request, caller, reply.sequence)


@router.get(
    "/watchlist",
    response_model=shapes.WatchlistPage,
    summary="List your watchlist",
    responses=refusals(401),
)
async def list_watchlist(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    asked = pb.ListWatchlistRequest(page_size=query.size, page_token=query.page_token)
    reply = await _interactions(request).ListWatchlist(asked, metadata=caller.metadata)
    return await _listed(request, caller, reply, reply.entries, shapes.watchlist_json)


@router.put(
    "/watchlist/{movie_id}",
    response_model=shapes.WatchlistShape,
    summary="Put a movie on your watchlist",
    responses=refusals(
        401, 404, 412, s201={"model": shapes.WatchlistShape, "description": "On it from now on."}
    ),
)
async def add_to_watchlist(
    request: Request,
    caller: SignedIn,
    movie_id: Id,
    conditions: Preconditions,
    body: Annotated[shapes.WatchlistInput | None, Body()] = None,
) -> Response:
    """201 the first time, 200 after; the body may be left out."""
    note = body.note if body else None
    reply = await _interactions(request).AddToWatchlist(
        pb.AddToWatchlistRequest(movie_id=movie_id, note=note, **conditions),
        metadata=caller.metadata,
    )
    movie = await _written(request, caller, reply.sequence, movie_id)
    return tagged(
        request,
        shapes.watchlist_json(reply.entry, movie),
        etag=reply.entry.etag,
        status=_status(reply.created),
    )


@router.delete(
    "/watchlist/{movie_id}",
    status_code=204,
    summary="Take a movie off your watchlist",
    responses=refusals(401, 412),
)
async def remove_from_watchlist(
    request: Request, caller: SignedIn, movie_id: Id, conditions: Preconditions
) -> Response:
    """204 also when it was not there."""
    reply = await _interactions(request).RemoveFromWatchlist(
        pb.RemoveFromWatchlistRequest(movie_id=movie_id, **conditions), metadata=caller.metadata
    )
    return await _gone(request, caller, reply.sequence)


@router.get(
    "/hidden",
    response_model=shapes.HiddenPage,
    summary="List movies that do not interest you",
    responses=refusals(401),
)
async def list_hidden_movies(
    request: Request, caller: SignedIn, query: Annotated[Page, Query()]
) -> Response:
    """Newest first."""
    asked = pb.ListHiddenMoviesRequest(page_size=query.size, page_token=query.page_token)
    reply = await _interactions(request).ListHiddenMovies(asked, metadata=caller.metadata)
    return await _listed(request, caller, reply, reply.hidden_movies, shapes.hidden_json)


@router.put(
    "/hidden/{movie_id}",
    response_model=shapes.HiddenShape,
    summary="Mark a movie as not interesting",
    responses=refusals(
        401, 404, 412, s201={"model": shapes.HiddenShape, "description": "Hidden from now on."}
    ),
)
async def hide_movie(
    request: Request,
    caller: SignedIn,
    movie_id: Id,
    conditions: Preconditions,
    body: Annotated[shapes.HiddenInput | None, Body()] = None,
) -> Response:
    """It leaves every later recommendation; the body may be left out."""
    reason = (body.reason if body else None) or ""
    reply = await _interactions(request).HideMovie(
        pb.HideMovieRequest(movie_id=movie_id, reason=reason, **conditions),
        metadata=caller.metadata,
    )
    movie = await _written(request, caller, reply.sequence, movie_id)
    return tagged(
        request,
        shapes.hidden_json(reply.hidden_movie, movie),
        etag=reply.hidden_movie.etag,
        status=_status(reply.created),
    )


@router.delete(
    "/hidden/{movie_id}",
    status_code=204,
    summary="Let a movie be recommended again",
    responses=refusals(401, 412),
)
async def unhide_movie(
    request: Request, caller: SignedIn, movie_id: Id, conditions: Preconditions
) -> Response:
    """204 also when it was not hidden."""
    reply = await _interactions(request).UnhideMovie(
        pb.UnhideMovieRequest(movie_id=movie_id, **conditions), metadata=caller.metadata
    )
    return await _gone(request, caller, reply.sequence)


@router.get(
    "/movie-states",
    response_model=shapes.MovieStateList,
    summary="Get what you did with some movies",
    responses=refusals(401),
)
async def get_movie_states(
    request: Request, caller: SignedIn, query: Annotated[shapes.StatesQuery, Query()]
) -> Response:
    """Favorite, rating, watchlist and hidden for up to 100 movies at once."""
    reply = await _interactions(request).BatchGetMovieStates(
        pb.BatchGetMovieStatesRequest(movie_ids=query.movie_id), metadata=caller.metadata
    )
    return tagged(request, page([shapes.state_json(state) for state in reply.states], ""))


def _interactions(request: Request) -> Any:
    return context.of(request).services.interactions


def _status(created: bool) -> int:  # noqa: FBT001 - the reply's own flag
    return 201 if created else 200


async def _written(request: Request, caller: Person, sequence: int, movie_id: int) -> Any:
    """Remember the write, and the movie to show with it."""
    here = context.of(request)
    _saved, movie = await asyncio.gather(
        here.sequences.saw(caller.user_id, sequence), _movie(request, caller, movie_id)
    )
    return movie


async def _gone(request: Request, caller: Person, sequence: int) -> Response:
    await context.of(request).sequences.saw(caller.user_id, sequence)
    return Response(status_code=204)


async def _movie(
    request: Request, caller: Person, movie_id: int, titles: Mapping[int, str] | None = None
) -> Any:
    return (await shown_movies(request, caller, [movie_id], titles or {}))[movie_id]


async def _listed(
    request: Request, caller: Person, reply: Any, entries: Sequence[Any], shape: Any
) -> Response:
    movies = await shown_movies(request, caller, [one.movie_id for one in entries], reply.titles)
    items = [shape(one, movies[one.movie_id]) for one in entries]
    return tagged(request, page(items, reply.next_page_token))
