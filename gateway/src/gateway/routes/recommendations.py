"""Recommendations for the caller, clicks and history."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import structlog
from fastapi import Path, Query, Request, Response

from chassis.database import uuid7
from chassis.errors import DeadlineExceeded, Failed, NotFound, Refusal, Unavailable
from gateway import context
from gateway.auth import Person
from gateway.context import Context
from gateway.entities import etag_of, tagged, tagged_bytes
from gateway.personal import Page
from gateway.resources import recommendations as shapes
from gateway.resources.shapes import page, when
from gateway.routes.frame import SignedIn, personal, refusals, shown_movies
from marquee.catalog.v1 import catalog_pb2
from marquee.gateway.v1 import events_pb2 as events
from marquee.interactions.v1 import interactions_pb2
from marquee.recommender.v1 import recommender_pb2 as pb

router = personal("recommendations", "/me/recommendations")
log = structlog.get_logger()
_SEEN_TIMEOUT_SECONDS = 0.1
_MOST_STATES = 100
_PAGES_LOOKED_AT = 5
_MINTED_AS = 7
_FRESH_SECONDS = 5.0
# How long a click on a fresh page waits for it to be known, again and again.
_CLICK_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8)


@router.get(
    "",
    response_model=shapes.RecommendationPage,
    summary="Get recommendations",
    responses=refusals(401),
)
async def get_recommendations(
    request: Request, caller: SignedIn, query: Annotated[shapes.RecommendationQuery, Query()]
) -> Response:
    """What you did last counts already; filters apply before ranking, so a page is full."""
    here = context.of(request)
    sequence, version, language = await here.known(request, caller)
    try:
        reply = await _recommend(here, caller, _asked(query, sequence, version))
    except (Unavailable, DeadlineExceeded, Failed) as error:
        if query.page_token:
            raise
        log.warning("recommendations fall back to popular movies", error=error.detail)
        return await _popular(request, caller, query)
    if reply.degraded and not reply.recommendations and not query.page_token:
        # It is up, but has not heard of the catalogue yet.
        return await _popular(request, caller, query)
    made = await _page(here, reply, query.type, language)
    if not reply.degraded:
        here.pages.keep((caller.user_id, request.scope["query_string"], language), made)
    here.saw_recommendations(request, caller, kind=made.type, movies_count=made.movies_count)
    return tagged_bytes(request, made.body, made.etag)


@router.post(
    "/{recommendation_id}/click",
    status_code=204,
    summary="Record a click",
    responses=refusals(401, 404),
)
async def record_click(
    request: Request,
    caller: SignedIn,
    recommendation_id: Annotated[UUID, Path(description="Which.")],
) -> Response:
    """Counted once."""
    recommender = context.of(request).services.recommender
    clicked = pb.RecordClickRequest(recommendation_id=str(recommendation_id))
    for seconds in _CLICK_WAITS if _is_fresh(recommendation_id) else ():
        try:
            await recommender.RecordClick(clicked, metadata=caller.metadata)
        except NotFound:
            await asyncio.sleep(seconds)
        else:
            return Response(status_code=204)
    await recommender.RecordClick(clicked, metadata=caller.metadata)
    return Response(status_code=204)


def _is_fresh(recommendation_id: UUID) -> bool:
    """Whether it was minted a moment ago: a page made here travels to the recommender by event."""
    if recommendation_id.version != _MINTED_AS:
        return False
    age = time.time() - (recommendation_id.int >> 80) / 1000
    return -_FRESH_SECONDS < age < _FRESH_SECONDS


@router.get(
    "/history",
    response_model=shapes.HistoryPage,
    summary="List what was recommended",
    responses=refusals(401),
)
async def list_recommendation_history(
    request: Request, caller: SignedIn, query: Annotated[shapes.HistoryQuery, Query()]
) -> Response:
    """What was recommended, when, why, and whether it was clicked; newest first."""
    here = context.of(request)
    reply = await here.services.recommender.ListRecommendationHistory(
        pb.ListRecommendationHistoryRequest(
            page_size=query.size, page_token=query.page_token, clicked_only=query.clicked
        ),
        metadata=caller.metadata,
    )
    movie_ids = [record.recommendation.movie_id for record in reply.records]
    cards = await shown_movies(request, caller, movie_ids, {})
    items = [
        shapes.record_json(record, cards[movie_id])
        for record, movie_id in zip(reply.records, movie_ids, strict=True)
    ]
    return tagged(request, page(items, reply.next_page_token))


def _asked(
    query: shapes.RecommendationQuery, sequence: int | None, version: int | None
) -> pb.RecommendRequest:
    return pb.RecommendRequest(
        type=shapes.TYPES[query.type],
        filter=pb.RecommendationFilter(exclude_movie_ids=query.exclude_movie_id, **query.values()),
        page_size=query.size,
        page_token=query.page_token,
        diversity=query.diversity,
        known_sequence=sequence,
        known_preferences_version=version,
    )


async def _recommend(
    here: Context, caller: Person, asked: pb.RecommendRequest
) -> pb.RecommendResponse:
    reply = await here.services.recommender.Recommend(
        asked, timeout=here.settings.recommend_timeout_seconds, metadata=caller.metadata
    )
    if not reply.degraded:
        await asyncio.gather(
            here.sequences.saw(caller.user_id, reply.sequence),
            here.preferences.saw(caller.user_id, reply.preferences_version),
        )
    return reply


async def _page(here: Context, reply: pb.RecommendResponse, asked_type: str, language: str) -> Page:
    """The answer as bytes, with what it has counted in."""
    movie_ids = [one.movie_id for one in reply.recommendations]
    cards = await here.movies.cards(movie_ids, language)
    items = [
        shapes.recommendation_json(one, cards[one.movie_id])
        for one in reply.recommendations
        if one.movie_id in cards
    ]
    found: dict[str, Any] = page(items, reply.next_page_token) | {
        "list_id": reply.list_id,
        "model_version": reply.model_version or None,
        "generated_at": when(reply.generated_at),
        "degraded": reply.degraded,
    }
    body = orjson.dumps(found)
    return Page(
        body=body,
        etag=etag_of(body),
        type=asked_type,
        movies_count=len(items),
        sequence=reply.sequence,
        preferences_version=reply.preferences_version,
    )


async def _popular(request: Request, caller: Person, query: shapes.RecommendationQuery) -> Response:
    """The last rung of the ladder: what many like and the caller has not seen, said degraded."""
    here = context.of(request)
    language = await here.language(request, caller)
    offered = await _unseen(here, caller, query, language)
    cards = await here.movies.cards(offered, language)
    list_id = str(uuid7())
    offers = [
        events.FallbackOffer(
            recommendation_id=str(uuid7()), movie_id=movie_id, position=number, score=1.0 / number
        )
        for number, movie_id in enumerate((one for one in offered if one in cards), start=1)
    ]
    if offers:
        await here.recorder.fell_back(caller.user_id, list_id, offers)
    here.saw_recommendations(request, caller, kind=query.type, movies_count=len(offers))
    found: dict[str, Any] = page([_popular_json(one, cards[one.movie_id]) for one in offers], "")
    found |= {
        "list_id": list_id,
        "model_version": None,
        "generated_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "degraded": True,
    }
    return tagged(request, found)


async def _unseen(
    here: Context, caller: Person, query: shapes.RecommendationQuery, language: str
) -> list[int]:
    """The most popular movies that the filters leave and the caller has not seen, a page of them.

    They are looked for some pages far: many have seen the hundred most popular ones.
    """
    found: list[int] = []
    asked = catalog_pb2.ListMoviesRequest(
        filter=catalog_pb2.MovieFilter(**query.values()),
        sort=catalog_pb2.MOVIE_SORT_POPULARITY_DESC,
        language=language,
        page_size=_MOST_STATES,
    )
    for _ in range(_PAGES_LOOKED_AT):
        reply = await here.services.catalog.ListMovies(asked)
        movie_ids = [movie.movie_id for movie in reply.movies]
        seen = await _seen(here, caller, movie_ids) | set(query.exclude_movie_id)
        found += [movie_id for movie_id in movie_ids if movie_id not in seen]
        if len(found) >= query.size or not reply.next_page_token:
            break
        asked.page_token = reply.next_page_token
    return found[: query.size]


async def _seen(here: Context, caller: Person, movie_ids: Sequence[int]) -> set[int]:
    if not movie_ids:
        return set()
    try:
        reply = await here.services.interactions.BatchGetMovieStates(
            interactions_pb2.BatchGetMovieStatesRequest(movie_ids=movie_ids),
            timeout=_SEEN_TIMEOUT_SECONDS,
            metadata=caller.metadata,
        )
    except Refusal as error:
        log.warning("popular movies may hold seen ones", error=error.detail)
        return set()
    return {
        state.movie_id
        for state in reply.states
        if state.favorite or state.hidden or state.watchlist or state.HasField("rating")
    }


def _popular_json(offer: events.FallbackOffer, card: Any) -> dict[str, Any]:
    offered = pb.Recommendation(
        recommendation_id=offer.recommendation_id,
        movie_id=offer.movie_id,
        recommendation_type=pb.RECOMMENDATION_TYPE_POPULAR,
        score=offer.score,
        position=offer.position,
        reason=pb.Reason(kind="popular", text="Popular with many people."),
    )
    return shapes.recommendation_json(offered, card)
