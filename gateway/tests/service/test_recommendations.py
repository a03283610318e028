"""Recommendations while the recommender knows less than the catalog: the gateway over real gRPC."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pytest
import redis

from chassis.events import Fact, append
from chassis.testing import eventually
from chassis.testing.calls import KEY_ID, Tokens
from gateway.activity import STREAM
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.catalog.v1.events_pb2 import GenresChanged
from marquee.gateway.v1 import events_pb2 as events
from marquee.interactions.v1 import interactions_pb2, interactions_pb2_grpc
from marquee.recommender.v1 import recommender_pb2, recommender_pb2_grpc
from marquee.users.v1 import users_pb2, users_pb2_grpc

PAGES = ((30, 10, 20), (40, 50), (60,))
SEEN, WISHED_FOR = 10, 40
# Whoever asks the catalog for this one gets no answer.
UNANSWERED = 70
UNKNOWN = 80
PREFERENCES_VERSION = 3


class Users(users_pb2_grpc.UsersServiceServicer):
    """Knows one key."""

    def __init__(self, tokens: Tokens) -> None:
        self._key = users_pb2.SigningKey(key_id=KEY_ID, public_key=tokens.keys[KEY_ID])

    def ListSigningKeys(self, request: Any, context: Any) -> Any:
        return users_pb2.ListSigningKeysResponse(keys=[self._key])

    def GetPreferences(self, request: Any, context: Any) -> Any:
        preferences = users_pb2.Preferences(version=PREFERENCES_VERSION)
        return users_pb2.GetPreferencesResponse(preferences=preferences)


class Recommender(recommender_pb2_grpc.RecommenderServiceServicer):
    """Has heard of no movie yet, but of what was popular once."""

    def __init__(self) -> None:
        self.asked: list[recommender_pb2.RecommendRequest] = []

    def Recommend(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        if request.type == recommender_pb2.RECOMMENDATION_TYPE_POPULAR:
            once = [
                recommender_pb2.Recommendation(recommendation_id=str(uuid4()), movie_id=movie_id)
                for movie_id in (30, UNKNOWN)
            ]
            return recommender_pb2.RecommendResponse(list_id=str(uuid4()), recommendations=once)
        return recommender_pb2.RecommendResponse(list_id=str(uuid4()), degraded=True)

    def ListRecommendationHistory(self, request: Any, context: Any) -> Any:
        shown = recommender_pb2.Recommendation(
            recommendation_id=str(uuid4()),
            movie_id=UNANSWERED,
            recommendation_type="RECOMMENDATION_TYPE_POPULAR",
        )
        record = recommender_pb2.RecommendationRecord(recommendation=shown, list_id=str(uuid4()))
        return recommender_pb2.ListRecommendationHistoryResponse(records=[record])


class Catalog(catalog_pb2_grpc.CatalogServiceServicer):
    """A few movies, by small pages."""

    def __init__(self) -> None:
        self.image_base_url = "https://images.example/"

    def GetConfiguration(self, request: Any, context: Any) -> Any:
        return catalog_pb2.GetConfigurationResponse(
            image_base_url=self.image_base_url, poster_sizes=["w92"]
        )

    def ListMovies(self, request: Any, context: Any) -> Any:
        number = int(request.page_token or 0)
        following = str(number + 1) if number + 1 < len(PAGES) else ""
        movies = map(_movie, PAGES[number])
        return catalog_pb2.ListMoviesResponse(movies=movies, next_page_token=following)

    def BatchGetMovies(self, request: Any, context: Any) -> Any:
        if UNANSWERED in request.movie_ids:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the catalog is away")
        known = [movie_id for movie_id in request.movie_ids if movie_id != UNKNOWN]
        return catalog_pb2.BatchGetMoviesResponse(movies=map(_movie, known))


class Interactions(interactions_pb2_grpc.InteractionsServiceServicer):
    """One movie was rated, another is on the watchlist."""

    def BatchGetMovieStates(self, request: Any, context: Any) -> Any:
        states = [
            interactions_pb2.MovieState(movie_id=SEEN, rating=8),
            interactions_pb2.MovieState(movie_id=WISHED_FOR, watchlist=True),
        ]
        return interactions_pb2.BatchGetMovieStatesResponse(states=states)


def _movie(movie_id: int) -> catalog_pb2.Movie:
    return catalog_pb2.Movie(movie_id=movie_id, title=f"Movie {movie_id}", poster_path="/p.jpg")


@pytest.fixture
def recommender() -> Recommender:
    return Recommender()


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def neighbours(tokens: Tokens, recommender: Recommender, catalog: Catalog) -> Iterator[str]:
    """The address of a server that is four services."""
    server = grpc.server(ThreadPoolExecutor(4))
    users_pb2_grpc.add_UsersServiceServicer_to_server(Users(tokens), server)
    recommender_pb2_grpc.add_RecommenderServiceServicer_to_server(recommender, server)
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)
    interactions_pb2_grpc.add_InteractionsServiceServicer_to_server(Interactions(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
async def api(
    gateway: Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]],
    neighbours: str,
    tokens: Tokens,
) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in person at a whole gateway."""
    names = ("users", "catalog", "interactions", "recommender")
    async with gateway(**{f"{name}_address": neighbours for name in names}) as client:
        client.headers["Authorization"] = f"Bearer {tokens.access_token(uuid4())}"
        yield client


async def test_a_recommender_without_movies_is_no_reason_for_an_empty_page(
    api: httpx.AsyncClient,
) -> None:
    reply = await api.get("/api/v1/me/recommendations?page_size=2")
    assert reply.status_code == 200, reply.text
    page = reply.json()
    assert [one["movie"]["movie_id"] for one in page["items"]] == [30, 20]
    assert page["degraded"]


async def test_the_first_question_already_tells_how_far_the_preferences_are(
    api: httpx.AsyncClient, recommender: Recommender
) -> None:
    await api.get("/api/v1/me/recommendations")
    (asked,) = recommender.asked
    assert asked.known_preferences_version == PREFERENCES_VERSION


async def test_services_are_connected_to_before_anybody_asks(
    gateway: Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.setblocking(False)
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        async with gateway(recommender_address=address), asyncio.timeout(10):
            connection, _ = await asyncio.get_running_loop().sock_accept(nobody)
            connection.close()


async def test_images_are_where_the_catalog_says_as_soon_as_it_says_something_else(
    api: httpx.AsyncClient, catalog: Catalog, redis_streams: redis.Redis
) -> None:
    async def is_seen_at(host: str) -> bool:
        reply = await api.get("/api/v1/me/recommendations?page_size=1")
        return host in reply.text

    assert await is_seen_at("https://images.example/")
    catalog.image_base_url = "https://others.example/"
    changed = Fact(GenresChanged.DESCRIPTOR.full_name, "genres", 1, b"")
    async with asyncio.timeout(10):
        while not await is_seen_at("https://others.example/"):
            # Again: the gateway may not have listened yet.
            append(redis_streams, "catalog.events", [changed])
            await asyncio.sleep(0.1)


async def test_the_history_is_shown_while_the_catalog_is_away(api: httpx.AsyncClient) -> None:
    reply = await api.get("/api/v1/me/recommendations/history")
    assert reply.status_code == 200, reply.text
    (record,) = reply.json()["items"]
    assert record["movie"] == {"movie_id": UNANSWERED, "title": "", "removed": False}


@pytest.mark.parametrize(("size", "offered"), [(3, [30, 20, 50]), (20, [30, 20, 50, 60])])
async def test_whoever_has_seen_the_most_popular_movies_is_offered_those_behind(
    api: httpx.AsyncClient, size: int, offered: list[int]
) -> None:
    reply = await api.get(f"/api/v1/me/recommendations?page_size={size}")
    assert [one["movie"]["movie_id"] for one in reply.json()["items"]] == offered


@pytest.mark.parametrize(("kind", "movies_count"), [("auto", 2), ("popular", 1)])
async def test_a_view_tells_how_many_movies_were_shown(
    api: httpx.AsyncClient, redis_streams: redis.Redis, kind: str, movies_count: int
) -> None:
    reply = await api.get(f"/api/v1/me/recommendations?page_size=2&type={kind}")
    assert len(reply.json()["items"]) == movies_count

    def viewed() -> list[str]:
        """What views say of the page; the gateway tells of them every half second."""
        entries: Any = redis_streams.xrange(STREAM)
        return [
            activity.metadata_json
            for _, fields in entries
            if fields[b"type"] == events.ActivityObserved.DESCRIPTOR.full_name.encode()
            for activity in events.ActivityObserved.FromString(fields[b"payload"]).activities
            if activity.activity_type == "view_recommendations"
        ]

    (told,) = await asyncio.to_thread(eventually, viewed)
    assert json.loads(told) == {"type": kind, "movies_count": movies_count}
