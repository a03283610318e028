"""Invented people whose taste has a pattern, so that recommendations have something to find."""

import math
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from launcher.demo.loading import Loader, Stubs, patiently
from launcher.demo.progress import Progress
from launcher.settings import Failure
from marquee.catalog.v1 import catalog_pb2
from marquee.interactions.v1.interactions_pb2 import ImportedRating
from marquee.users.v1.users_pb2 import ImportedUser

_PEOPLE = 200
_MOVIES = 1000
_PAGE = 100
_POLL_SECONDS = 0.5
_SEED = 1895
_FAVORITE_GENRES = 2
_FEWEST, _MOST = 15, 60
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 300


def load(loader: Loader, stubs: Stubs, progress: Progress) -> int:
    """Import people and ratings over the most popular movies; answers how many ratings."""
    _wait_for_first_sync(stubs, progress)
    movies = _popular(stubs)
    if not movies:
        raise Failure("the catalogue is still empty; wait for the first sync")
    users = [
        ImportedUser(username=f"demo-{number:03}", email=f"demo-{number:03}@marquee.example")
        for number in range(1, _PEOPLE + 1)
    ]
    user_ids = loader.users(users, progress)
    ratings = list(_ratings(user_ids, movies))
    loader.ratings("people", ratings, len(ratings), progress)
    return len(ratings)


def _wait_for_first_sync(stubs: Stubs, progress: Progress) -> None:
    """What is popular is known when all movies are."""
    asked = catalog_pb2.ListSyncRunsRequest(page_size=_PAGE)
    while running := [
        run
        for run in patiently(lambda: stubs.catalog.ListSyncRuns(asked)).runs
        if run.stage == "all" and run.state not in ("done", "failed")
    ]:
        progress.waiting(
            "movies the first sync has yet to bring", max(running[0].remaining_count, 0)
        )
        time.sleep(_POLL_SECONDS)


def _popular(stubs: Stubs) -> list[catalog_pb2.Movie]:
    movies: list[catalog_pb2.Movie] = []
    token = ""
    while len(movies) < _MOVIES:
        request = catalog_pb2.ListMoviesRequest(
            sort=catalog_pb2.MOVIE_SORT_POPULARITY_DESC, page_size=_PAGE, page_token=token
        )
        reply = patiently(lambda request=request: stubs.catalog.ListMovies(request))
        movies.extend(reply.movies)
        token = reply.next_page_token
        if not token:
            break
    return sorted(movies, key=lambda movie: movie.movie_id)


def _ratings(
    user_ids: Sequence[str], movies: Sequence[catalog_pb2.Movie]
) -> Iterator[ImportedRating]:
    """Each person loves two genres, sees popular movies oftener, and rates by love and chance."""
    chance = random.Random(_SEED)  # noqa: S311 - a demo, the same every time
    genre_ids = sorted({genre.genre_id for movie in movies for genre in movie.genres})
    for user_id in user_ids:
        loved = set(chance.sample(genre_ids, min(_FAVORITE_GENRES, len(genre_ids))))
        weights = [_appeal(movie, loved) for movie in movies]
        count = chance.randint(_FEWEST, _MOST)
        seen = {movie.movie_id: movie for movie in chance.choices(movies, weights, k=count)}
        for movie_id, movie in seen.items():
            yield ImportedRating(
                user_id=user_id,
                movie_id=movie_id,
                rating=_stars(movie, loved, chance),
                rated_at=_moment(chance),
            )


def _appeal(movie: catalog_pb2.Movie, loved: set[int]) -> float:
    shared = sum(genre.genre_id in loved for genre in movie.genres)
    return math.log1p(max(movie.popularity, 0.0)) * 4.0**shared + 0.01


def _stars(movie: catalog_pb2.Movie, loved: set[int], chance: random.Random) -> float:
    liking = 4.3 if any(genre.genre_id in loved for genre in movie.genres) else 2.7
    return min(5.0, max(0.5, round(chance.gauss(liking, 0.6) * 2) / 2))


def _moment(chance: random.Random) -> Timestamp:
    at = _BEGIN + timedelta(seconds=chance.randrange(_DAYS * 86400))
    return Timestamp(seconds=int(at.timestamp()))
