"""Batches to the services' own RPCs: idempotent, so that a second run changes nothing."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from chassis.clients import channel
from chassis.errors import DeadlineExceeded, Unavailable
from launcher.demo.progress import Progress
from launcher.settings import Failure
from launcher.state import State
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.interactions.v1 import interactions_pb2, interactions_pb2_grpc
from marquee.recommender.v1 import recommender_pb2_grpc
from marquee.users.v1 import users_pb2, users_pb2_grpc

BATCH = 500
_CALL_SECONDS = 30.0
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.25

One = TypeVar("One")
Reply = TypeVar("Reply")


@dataclass(frozen=True)
class Stubs:
    """The services that the demo speaks to."""

    users: users_pb2_grpc.UsersServiceStub
    catalog: catalog_pb2_grpc.CatalogServiceStub
    interactions: interactions_pb2_grpc.InteractionsServiceStub
    recommender: recommender_pb2_grpc.RecommenderServiceStub


def connect(environment: Mapping[str, str], stack: ExitStack) -> Stubs:
    """Stubs by the addresses and the internal key of `environment`."""
    channels = {
        name: stack.enter_context(
            channel(
                environment[f"{name.upper()}_ADDRESS"],
                internal_key=environment["INTERNAL_KEY"],
                service="demo",
                timeout_seconds=_CALL_SECONDS,
            )
        )
        for name in ("users", "catalog", "interactions", "recommender")
    }
    return Stubs(
        users_pb2_grpc.UsersServiceStub(channels["users"]),
        catalog_pb2_grpc.CatalogServiceStub(channels["catalog"]),
        interactions_pb2_grpc.InteractionsServiceStub(channels["interactions"]),
        recommender_pb2_grpc.RecommenderServiceStub(channels["recommender"]),
    )


class Loader:
    """Sends people, movies and ratings by batches; goes on where an interrupted run was."""

    def __init__(self, stubs: Stubs, state: State) -> None:
        self._stubs = stubs
        self._state = state
        self.changed = False
        """Whether anything sent was new to its service, or not as before."""

    def movies(self, movies: Sequence[catalog_pb2.ImportedMovie], progress: Progress) -> None:
        """Import movies; what is synced already stays as it is."""
        created = done = 0
        for batch in batches(movies):
            request = catalog_pb2.BatchCreateMoviesRequest(movies=batch)
            reply = patiently(
                lambda request=request: self._stubs.catalog.BatchCreateMovies(request)
            )
            created += reply.created_count
            done += len(batch)
            progress.step("movies", done, len(movies))
        self.changed |= created > 0
        progress.say(f"movies: {created:,} new, {len(movies) - created:,} there already")

    def users(self, users: Sequence[users_pb2.ImportedUser], progress: Progress) -> list[str]:
        """Import people; answers their ids in order."""
        user_ids: list[str] = []
        created = 0
        for batch in batches(users):
            request = users_pb2.BatchCreateUsersRequest(users=batch)
            reply = patiently(lambda request=request: self._stubs.users.BatchCreateUsers(request))
            user_ids.extend(reply.user_ids)
            created += reply.created_count
            progress.step("people", len(user_ids), len(users))
        self.changed |= created > 0
        progress.say(f"people: {created:,} new, {len(users) - created:,} there already")
        return user_ids

    def ratings(
        self,
        name: str,
        ratings: Iterable[interactions_pb2.ImportedRating],
        total: int,
        progress: Progress,
    ) -> None:
        """Import ratings; an interrupted import of the same `name` goes on where it was."""
        note = f"demo:{name}"
        place, _, size = self._state.note(note).partition("/")
        done = int(place) if size == str(total) else 0
        if 0 < done < total:
            progress.say(f"ratings: going on after {done:,}")
        begin = done if done < total else 0
        counts: Counter[str] = Counter(new=0, changed=0, unchanged=0)
        done = begin
        for batch in batches(islice(ratings, begin, None)):
            counts += self._rate(batch)
            done += len(batch)
            self._state.write_note(note, f"{done}/{total}")
            progress.step("ratings", done, total)
        self.changed |= counts["unchanged"] < counts.total()
        progress.say(
            f"ratings: {counts['new']:,} new, {counts['changed']:,} changed, "
            f"{counts['unchanged']:,} unchanged"
        )

    def _rate(self, batch: Sequence[interactions_pb2.ImportedRating]) -> Counter[str]:
        """Send a batch; movies that interactions has not heard of yet are waited for."""
        request = interactions_pb2.BatchRateMoviesRequest(ratings=batch)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        new = changed = 0
        while True:
            reply = patiently(lambda: self._stubs.interactions.BatchRateMovies(request))
            new += reply.created_count
            changed += reply.updated_count
            if not reply.unknown_movie_ids:
                return Counter(new=new, changed=changed, unchanged=len(batch) - new - changed)
            if time.monotonic() > deadline:
                missing = ", ".join(map(str, reply.unknown_movie_ids[:5]))
                raise Failure(f"interactions never heard of these movies: {missing} …")
            time.sleep(_PAUSE_SECONDS)


def batches(values: Iterable[One], size: int = BATCH) -> Iterator[list[One]]:
    """`values` in lists of at most `size`."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch


def patiently(call: Callable[[], Reply]) -> Reply:
    """The answer of an idempotent call; a service that is starting again is waited for."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return call()
        except (Unavailable, DeadlineExceeded):
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
