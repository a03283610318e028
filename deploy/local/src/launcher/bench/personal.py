"""The part `personal`: what a person's lists cost among many people's, and among a hundredth."""

import argparse
import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from chassis.clients import channel
from launcher.bench.rows import Row
from launcher.bench.world import World, world
from launcher.children import python
from launcher.settings import LocalSettings
from marquee.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from marquee.interactions.v1 import interactions_pb2 as pb
from marquee.interactions.v1 import interactions_pb2_grpc

PART = "personal"
PEOPLE, MOVIES = 100_000, 1_000_000
FAVORITES_EACH, RATINGS_EACH, ENTRIES_EACH, ACTIVITIES_EACH = 100, 50, 10, 100
_SMALLER, _SLOWER_AT_MOST = 100, 2.0
_CALL_SECONDS = 60.0
_WARM, _TIMES = 5, 50
_PAGE = 20

Ask = Callable[[], Any]

# Person n is the UUID of n; what they like is spread so that few movies have most of it.
_PERSON = "lpad(to_hex(person), 32, '0')::uuid"
_MOVIE = "(power(random(), 3) * ({movies} - 1))::bigint + 1"
_MOMENT = "now() - random() * interval '700 days'"
_FILLED = """
    insert into known_movie (movie_id, title, genre_ids, release_date, changed_at)
        select movie_id, 'Movie ' || movie_id, array[movie_id % 19 + 1],
            date '1950-01-01' + (movie_id % 25000)::int, now()
        from generate_series(1, {movies}) movie_id;
    insert into favorite (user_id, movie_id, version, favorited_at)
        select {person}, {movie}, number, {moment}
        from generate_series(1, {people}) person, generate_series(1, {favorites}) number
        on conflict do nothing;
    insert into rating (user_id, movie_id, version, rated_at, rating, review)
        select {person}, {movie}, number, {moment}, ceil(random() * 10) / 2,
            case when number % 10 = 0 then 'As good as it gets.' else '' end
        from generate_series(1, {people}) person, generate_series(1, {ratings}) number
        on conflict do nothing;
    insert into watchlist_entry (user_id, movie_id, version, added_at)
        select {person}, {movie}, number, {moment}
        from generate_series(1, {people}) person, generate_series(1, {entries}) number
        on conflict do nothing;
    insert into user_sequence (user_id, sequence)
        select {person}, 1000 from generate_series(1, {people}) person;
    insert into movie_stats (movie_id, ratings_count, ratings_sum, favorites_count)
        select movie_id, count(*), sum(rating), 0 from rating group by movie_id
"""
_ACTIVE = """
    insert into user_activity (received_at, activity_id, user_id, activity_type, movie_id, metadata,
        address, agent, occurred_at)
    select now(), gen_random_uuid(), {person},
        (array['view_movie', 'search', 'view_recommendations'])[number % 3 + 1], {movie},
        '{{"source": "bench"}}', '192.0.2.0/24', 'Bench/1.0', {moment}
    from generate_series(1, {people}) person, generate_series(1, {activities}) number
"""


def measure(settings: LocalSettings, arguments: Sequence[str]) -> Iterator[Row]:
    """Fill, ask; the same at a hundredth."""
    parser = argparse.ArgumentParser(prog="./marquee bench personal")
    parser.add_argument("--people", type=int, default=PEOPLE, help="100,000 without")
    people = parser.parse_args(arguments).people
    with world(settings, size=1) as large:
        yield from _fill(large, people)
        costs = _costs(large, people)
    with world(settings, size=1) as small:
        list(_fill(small, people // _SMALLER))
        baseline = _costs(small, people // _SMALLER)
    for what, cost in costs.items():
        ratio = cost / baseline[what]
        yield Row(
            PART,
            what,
            f"{cost:.2f} ms CPU",
            f"{ratio:.2f}x",
            f"at most {_SLOWER_AT_MOST:g}x of 1%",
            met=ratio <= _SLOWER_AT_MOST,
        )


def _fill(here: World, people: int) -> Iterator[Row]:
    for service in ("users", "interactions", "analytics"):
        here.run(service, "migrate")
    here.start("users.serve")
    here.start("interactions.serve")
    here.start("analytics.background")  # makes the partitions
    here.start("analytics.serve")
    movies = people * MOVIES // PEOPLE
    told: Mapping[str, Any] = {
        "people": people,
        "movies": movies,
        "favorites": FAVORITES_EACH,
        "ratings": RATINGS_EACH,
        "entries": ENTRIES_EACH,
        "activities": ACTIVITIES_EACH,
        "person": _PERSON,
        "movie": _MOVIE.format(movies=movies),
        "moment": _MOMENT,
    }
    for statement in _FILLED.format(**told).split(";"):
        here.execute("interactions", statement)
    here.execute("analytics", _ACTIVE.format(**told))
    for service, tables in (
        ("interactions", ("favorite", "rating", "watchlist_entry")),
        ("analytics", ("user_activity",)),
    ):
        here.vacuum(service)
        for table in tables:
            (count,) = here.query(service, f"select count(*) from {table}")  # noqa: S608 - ours
            yield Row(PART, f"rows of {table}", f"{count:,}")


def _costs(here: World, people: int) -> dict[str, float]:
    """CPU milliseconds of a request of each kind: the service's and its database's."""
    metadata = [("authorization", f"Bearer {_token(here, uuid.UUID(int=people // 2))}")]
    with ExitStack() as stack:
        opened = {
            service: stack.enter_context(
                channel(
                    here.environment("analytics")[f"{service.upper()}_ADDRESS"],
                    internal_key=here.environment("users")["INTERNAL_KEY"],
                    service="gateway",
                    timeout_seconds=_CALL_SECONDS,
                )
            )
            for service in ("interactions", "analytics")
        }
        interactions = interactions_pb2_grpc.InteractionsServiceStub(opened["interactions"])
        analytics = analytics_pb2_grpc.AnalyticsServiceStub(opened["analytics"])

        def asked(call: Any, request: Any) -> Ask:
            return lambda: call(request, metadata=metadata)

        asks = {
            "interactions": _interactions(interactions, asked),
            "analytics": _analytics(analytics, asked),
        }
        return {
            what: _cost(here, service, ask)
            for service, known in asks.items()
            for what, ask in known.items()
        }


def _interactions(stub: Any, asked: Callable[[Any, Any], Ask]) -> dict[str, Ask]:
    def second_page(call: Any, request: Any) -> Any:
        return type(request)(page_size=_PAGE, page_token=asked(call, request)().next_page_token)

    favorites = pb.ListFavoritesRequest(page_size=_PAGE)
    ratings = pb.ListRatingsRequest(page_size=_PAGE)
    liked = asked(stub.ListFavorites, favorites)().favorites
    movie_ids = [one.movie_id for one in liked]
    return {
        "favorites, first page": asked(stub.ListFavorites, favorites),
        "favorites, second page": asked(
            stub.ListFavorites, second_page(stub.ListFavorites, favorites)
        ),
        "ratings, first page": asked(stub.ListRatings, ratings),
        "ratings, second page": asked(stub.ListRatings, second_page(stub.ListRatings, ratings)),
        "watchlist": asked(stub.ListWatchlist, pb.ListWatchlistRequest(page_size=_PAGE)),
        "states of 20 movies": asked(
            stub.BatchGetMovieStates, pb.BatchGetMovieStatesRequest(movie_ids=movie_ids)
        ),
        "figures of 20 movies": asked(
            stub.BatchGetMovieStats, pb.BatchGetMovieStatsRequest(movie_ids=movie_ids)
        ),
        "reviews of the most rated movie": asked(
            stub.ListReviews, pb.ListReviewsRequest(movie_id=1, page_size=_PAGE)
        ),
        "figures of the person": asked(stub.GetInteractionStats, pb.GetInteractionStatsRequest()),
        "a rating": _ratings(stub, asked, movie_ids[0]),
    }


def _ratings(stub: Any, asked: Callable[[Any, Any], Ask], movie_id: int) -> Ask:
    """Another one each time."""
    values = iter(range(10**9))
    return lambda: asked(
        stub.RateMovie,
        pb.RateMovieRequest(movie_id=movie_id, rating=next(values) % 10 / 2 + 0.5),
    )()


def _analytics(stub: Any, asked: Callable[[Any, Any], Ask]) -> dict[str, Ask]:
    listed = analytics_pb2.ListActivityRequest(page_size=_PAGE)
    return {
        "activity": asked(stub.ListActivity, listed),
        "figures of the person's activity": asked(
            stub.GetActivityStats, analytics_pb2.GetActivityStatsRequest()
        ),
    }


def _cost(here: World, service: str, ask: Ask) -> float:
    for _ in range(_WARM):
        ask()
    before = here.request_seconds(service)
    for _ in range(_TIMES):
        ask()
    return (here.request_seconds(service) - before) / _TIMES * 1000


def _token(here: World, user_id: uuid.UUID) -> str:
    claims = {"sub": str(user_id), "sid": str(uuid.uuid4()), "role": "user"}
    minted = subprocess.run(
        python("-m", "users", "mint-token", json.dumps(claims)),
        env={**os.environ, **here.environment("users")},
        capture_output=True,
        text=True,
        check=True,
    )
    return minted.stdout.strip()
