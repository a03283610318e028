"""What the service's tests share: fakes of the neighbours, and a world to put things into."""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import grpc
import numpy as np
import pytest
import sqlalchemy as sa

from chassis.database import Database, uuid7
from chassis.errors import NotFound, Unavailable
from chassis.events import Event
from chassis.jobs import Interrupted, Progress, table
from chassis.rpc.statuses import refusal_from
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.interactions.v1 import events_pb2 as interaction_events
from marquee.interactions.v1 import interactions_pb2 as ipb
from marquee.interactions.v1 import interactions_pb2_grpc
from marquee.recommender.v1 import recommender_pb2 as pb
from marquee.recommender.v1 import recommender_pb2_grpc
from marquee.users.v1 import events_pb2 as user_events
from marquee.users.v1 import users_pb2 as upb
from marquee.users.v1 import users_pb2_grpc
from recommender import subscriptions, wiring
from recommender.operations import lists
from recommender.operations.live import Live
from recommender.settings import Settings


class Interactions(interactions_pb2_grpc.InteractionsServiceServicer):
    """The neighbour who owns interactions."""

    def __init__(self) -> None:
        self.changes: dict[str, list[ipb.InteractionChange]] = defaultdict(list)
        self.down = False
        self.asked = 0
        self.answering = threading.Event()
        self.answering.set()

    def ListInteractionChanges(
        self, request: ipb.ListInteractionChangesRequest, context: Any
    ) -> ipb.ListInteractionChangesResponse:
        self.asked += 1
        self.answering.wait(timeout=30)
        if self.down:
            raise Unavailable("down")
        mine = [c for c in self.changes[request.user_id] if c.sequence > request.after_sequence]
        last = max((c.sequence for c in self.changes[request.user_id]), default=0)
        return ipb.ListInteractionChangesResponse(changes=mine, sequence=last)


class Users(users_pb2_grpc.UsersServiceServicer):
    """The neighbour who owns preferences."""

    def __init__(self) -> None:
        self.preferences: dict[str, upb.GetPreferencesOfResponse] = {}
        self.down = False

    def GetPreferencesOf(
        self, request: upb.GetPreferencesOfRequest, context: Any
    ) -> upb.GetPreferencesOfResponse:
        if self.down:
            raise Unavailable("down")
        if request.user_id not in self.preferences:
            raise NotFound("nobody")
        return self.preferences[request.user_id]


@dataclass
class World:
    """A recommender that is served, and what the rest of the suite would tell it."""

    settings: Settings
    database: Database
    live: Live
    channel: grpc.Channel
    tokens: Any
    sequences: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def stub(self) -> recommender_pb2_grpc.RecommenderServiceStub:
        return recommender_pb2_grpc.RecommenderServiceStub(self.channel)

    @cached_property
    def subscriptions(self) -> Any:
        """What the consumer would follow."""
        return subscriptions.subscriptions(wiring.eraser_of(self.settings, self.database))

    def new_person(self, **wanted: Any) -> UUID:
        """Somebody whose preferences have arrived."""
        user_id = uuid7()
        values: dict[str, Any] = {
            "version": 1,
            "preferred_language": "en",
            "enable_collaborative_filtering": True,
            "enable_content_based_filtering": True,
            "recommendation_diversity": 0.0,
        }
        self.tell(user_events.PreferencesChanged(user_id=str(user_id), **(values | wanted)))
        return user_id

    def tell(self, message: Any) -> None:
        """Let an event arrive, as the consumer would hand it over."""
        event = Event(
            event_id=uuid7(),
            type=message.DESCRIPTOR.full_name,
            aggregate_id="",
            aggregate_version=1,
            actor="",
            occurred_at=self.now,
            schema_version=1,
            payload=message.SerializeToString(),
        )
        (handler,) = [
            one.types[event.type] for one in self.subscriptions if event.type in one.types
        ]
        with self.database.begin() as connection:
            handler(connection, event)

    def add_movies(
        self,
        count: int,
        *,
        version: int = 1,
        differently: bool = False,
        fame: Callable[[int], float] = lambda number: 100 - number % 50,
        **values: Any,
    ) -> None:
        """Movies 1 to count; odd ones of genre 1, even ones of genre 2."""
        movies = [
            _movie(
                number,
                version,
                {"popularity": fame(number)}
                | values
                | (_of_its_own(number) if differently else {}),
            )
            for number in range(1, count + 1)
        ]
        self.tell(catalog_events.MoviesChanged(movies=movies))
        genres = [
            catalog_events.GenreFacts(genre_id=1, name="Odd"),
            catalog_events.GenreFacts(genre_id=2, name="Even"),
        ]
        self.tell(catalog_events.GenresChanged(genres=genres))
        self.live.refresh()

    def rate(self, user_id: UUID, movie_id: int, rating: float = 5.0) -> int:
        """A rating whose event arrives at once; the person's sequence after it."""
        self.sequences[user_id] += 1
        message = interaction_events.MovieRated(
            user_id=str(user_id),
            movie_id=movie_id,
            sequence=self.sequences[user_id],
            rating=rating,
        )
        message.rated_at.FromDatetime(self.now - timedelta(days=1))
        self.tell(message)
        return self.sequences[user_id]

    def take_rating_back(self, user_id: UUID, movie_id: int) -> None:
        """The event of it arrives at once."""
        self.sequences[user_id] += 1
        self.tell(
            interaction_events.RatingDeleted(
                user_id=str(user_id), movie_id=movie_id, sequence=self.sequences[user_id]
            )
        )

    def put_on_watchlist(self, user_id: UUID, movie_id: int) -> None:
        """The event of it arrives at once."""
        self.sequences[user_id] += 1
        message = interaction_events.WatchlistEntryAdded(
            user_id=str(user_id), movie_id=movie_id, sequence=self.sequences[user_id]
        )
        message.added_at.FromDatetime(self.now - timedelta(days=1))
        self.tell(message)

    def rate_by_taste(self, people: int, movies: int) -> None:
        """A checkerboard: each person rates a random half of the odd or of the even movies."""
        rng = np.random.default_rng(5)
        ratings: list[interaction_events.MovieRated] = []
        for number in range(people):
            user_id = uuid7()
            block = np.arange(1 + number % 2, movies + 1, 2)
            for sequence, movie_id in enumerate(rng.permutation(block)[: len(block) // 2], 1):
                rated = interaction_events.MovieRated(
                    user_id=str(user_id), movie_id=int(movie_id), sequence=sequence, rating=5.0
                )
                rated.rated_at.FromDatetime(self.now - timedelta(days=int(rng.integers(1, 90))))
                ratings.append(rated)
        for start in range(0, len(ratings), 500):
            self.tell(interaction_events.RatingsImported(ratings=ratings[start : start + 500]))

    def train(self) -> str:
        """Train as the worker would; the version of the live model after it."""
        request = pb.TrainModelRequest(request_id=str(uuid7()))
        self.stub.TrainModel(request, metadata=self.tokens.service("cli"), timeout=10)
        wiring.worker_of(self.settings, self.database).run_waiting()
        return self.live.refresh().model_version

    def recommend(self, user_id: UUID, **wanted: Any) -> pb.RecommendResponse:
        """A page for a person; what the gateway knows of their writes is passed by default."""
        timeout = wanted.pop("timeout", 10)
        wanted.setdefault("known_sequence", self.sequences[user_id])
        wanted.setdefault("known_preferences_version", 1)
        request = pb.RecommendRequest(**wanted)
        return self.stub.Recommend(request, metadata=self.tokens.user(user_id), timeout=timeout)

    def record(self) -> int:
        """Let the background write the history."""
        with self.database.begin() as connection:
            return lists.record_pages(connection, 100)


def _movie(number: int, version: int, values: dict[str, Any]) -> catalog_events.MovieFacts:
    facts: dict[str, Any] = {
        "movie_id": number,
        "version": version,
        "title": f"Movie {number}",
        "original_language": "en",
        "release_date": f"{1990 + number % 20}-05-01",
        "genre_ids": [1 if number % 2 else 2],
        "vote_average": 7.0,
        "vote_count": 100,
        "runtime_minutes": 90 + number % 60,
        "source": "standin",
        "people": [catalog_events.PersonFacts(person_id=1 + number % 7, name="P", role="actor")],
    }
    return catalog_events.MovieFacts(**(facts | values))


def _of_its_own(number: int) -> dict[str, Any]:
    return {
        "vote_average": 8.0 if number % 3 == 0 else 7.0,
        "vote_count": 1000 if number % 4 == 0 else 100,
        "original_language": "fr" if number % 5 == 0 else "en",
        "keywords": [catalog_events.KeywordFacts(keyword_id=number % 6, name="k")],
    }


def movie_ids(reply: pb.RecommendResponse) -> list[int]:
    """The movies of a page."""
    return [one.movie_id for one in reply.recommendations]


def reason_of(refused: Any) -> str:
    """Why a call that raised was refused."""
    error = refused.value
    return refusal_from(error.code(), error.details(), error.trailing_metadata()).reason


class _Killed(Progress):
    """A job whose worker dies right after a checkpoint."""

    def checkpoint(self, place: dict[str, Any]) -> None:
        super().checkpoint(place)
        raise Interrupted


def killed(world: World, kind: str) -> None:
    """Run the waiting job of this kind up to its next checkpoint; its lease has run out then."""
    with world.database.begin() as connection:
        claimed = table.claim(connection, [kind], "a worker that dies")
    assert claimed is not None
    chores = wiring.chores_of(world.settings, world.database)
    with (
        pytest.raises(Interrupted),
        _Killed(world.database, claimed, threading.Event()) as progress,
    ):
        chores.functions[kind](claimed.job, progress)
    with world.database.begin() as connection:
        connection.execute(
            sa.text("update job set lease_expires_at = now() - interval '1s' where job_id = :id"),
            {"id": claimed.job.job_id},
        )
        assert table.sweep(connection) == 1
