"""The way of a list is walked before a process is ready, and nothing is left of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from recommender_world import Interactions, Users, World, movie_ids
from sqlalchemy import event
from sqlalchemy.engine.interfaces import CacheStats
from structlog.testing import capture_logs

from chassis.erasure import Tombstones
from chassis.tables import outbox
from chassis.testing import eventually
from marquee.interactions.v1 import interactions_pb2 as ipb
from recommender import wiring
from recommender.operations.rehearsing import Rehearsal
from recommender.tables import (
    interaction,
    preferences,
    ranked_list,
    recommendation,
    served_page,
    taste,
)

NOT_WALKED = "the way of a list was not walked"


@pytest.fixture
def replica(world: World, running: Callable[..., Any]) -> Iterator[World]:
    """Another process of the same recommender, of which nobody has asked anything yet."""
    database = wiring.database_of(world.settings)
    live = wiring.live_of(world.settings, database)
    neighbours = wiring.neighbours_of(world.settings)
    served = running(wiring.registration(world.settings, database, live, neighbours))
    yield replace(world, database=database, live=live, channel=served.channel)
    database.dispose()


@pytest.fixture
def erased(replica: World) -> Callable[[UUID], bool]:
    key = replica.settings.internal_key.get_secret_value()
    return Tombstones(key).erased_from(replica.database)


@pytest.fixture
def rehearsal(replica: World, erased: Callable[[UUID], bool]) -> Rehearsal:
    neighbours = wiring.neighbours_of(replica.settings)
    return wiring.rehearsal_of(replica.settings, replica.database, replica.live, neighbours, erased)


@contextmanager
def made_anew(world: World) -> Iterator[list[str]]:
    """What had to be made for the first time: statements compiled, connections opened."""
    found: list[str] = []
    engine = world.database.engine

    def executed(_c: Any, _cursor: Any, statement: str, _p: Any, context: Any, _m: Any) -> None:
        if context.compiled is not None and context.cache_hit is not CacheStats.CACHE_HIT:
            found.append(statement)

    def connected(_connection: Any, _record: Any) -> None:
        found.append("a connection")

    event.listen(engine, "before_cursor_execute", executed)
    event.listen(engine, "connect", connected)
    yield found
    event.remove(engine, "before_cursor_execute", executed)
    event.remove(engine, "connect", connected)


def rows_of(world: World) -> list[int]:
    kept = (taste, preferences, interaction, ranked_list, served_page, recommendation, outbox)
    with world.database.read() as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in kept
        ]


def test_whoever_asks_first_is_not_the_first_to_need_anything(
    world: World,
    replica: World,
    rehearsal: Rehearsal,
    erased: Callable[[UUID], bool],
    interactions: Interactions,
    person: UUID,
):
    world.add_movies(40)
    replica.live.refresh()
    rehearsal.run(threading.Event())
    rated = ipb.InteractionChange(
        movie_id=1, kind=ipb.INTERACTION_KIND_RATING, sequence=1, rating=4.5
    )
    interactions.changes[str(person)].append(rated)
    with made_anew(replica) as found:
        assert not erased(person)
        reply = replica.recommend(person, page_size=5, known_sequence=1)
    assert len(movie_ids(reply)) == 5
    assert reply.sequence == 1
    assert found == []


def test_nothing_is_left_of_a_rehearsal(world: World, replica: World, rehearsal: Rehearsal):
    world.add_movies(40)
    replica.live.refresh()
    before = rows_of(world)
    with capture_logs() as logs:
        rehearsal.run(threading.Event())
    assert rehearsal.over
    assert NOT_WALKED not in [one["event"] for one in logs]
    assert rows_of(world) == before


def test_without_movies_and_neighbours_it_is_over_too_and_comes_again_with_the_first_movies(
    world: World,
    replica: World,
    rehearsal: Rehearsal,
    interactions: Interactions,
    users: Users,
):
    interactions.down = users.down = True
    walking = threading.Thread(target=rehearsal.run, args=(threading.Event(),), daemon=True)
    with capture_logs() as logs:
        walking.start()
        assert not rehearsal.over
        replica.live.refresh()
        eventually(lambda: rehearsal.over)
        asked = interactions.asked
        world.add_movies(40)
        eventually(lambda: replica.live.refresh() and not walking.is_alive(), within=30)
    assert interactions.asked > asked
    assert NOT_WALKED not in [one["event"] for one in logs]
