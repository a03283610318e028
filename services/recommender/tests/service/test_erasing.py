"""Somebody who is erased leaves no trace, and comes back by no replay."""

import json
from uuid import UUID, uuid4

import sqlalchemy as sa
from recommender_world import World

from chassis.erasure import forget_rows
from chassis.tables import dead_letter
from marquee.interactions.v1 import events_pb2 as interactions_events
from marquee.recommender.v1 import recommender_pb2 as pb
from marquee.users.v1 import events_pb2 as user_events
from recommender.operations.erasing import REWRITERS, forgetter
from recommender.store import tastes
from recommender.store.popularity import refresh_popularity


def tables_with(world: World, user_id: UUID) -> set[str]:
    with world.database.read() as connection:
        told = 'select count(*) from "{}" as one where one::text like :word'
        return {
            name
            for name in sa.inspect(connection).get_table_names()
            if connection.execute(sa.text(told.format(name)), {"word": f"%{user_id}%"}).scalar()
        }


def popularity(world: World) -> dict[int, tuple[int, float]]:
    with world.database.begin() as connection:
        refresh_popularity(connection, world.now)
        rows = connection.execute(
            sa.text("select movie_id, people_count, recent from movie_popularity")
        )
        return {row.movie_id: (row.people_count, round(row.recent, 6)) for row in rows}


def erase(world: World, user_id: UUID) -> int:
    with world.database.begin() as connection:
        return forgetter(lambda: world.now)(connection, user_id)


def test_all_rows_go_and_movies_are_as_popular_as_without_them(world: World, person: UUID):
    world.add_movies(30)
    grace = world.new_person()
    for movie_id in (1, 2):
        world.rate(person, movie_id)
    world.rate(grace, 2)
    assert world.recommend(person).recommendations
    world.record()
    world.recommend(person)
    assert {people for people, _recent in popularity(world).values()} == {1, 2}
    assert len(tables_with(world, person)) >= 5
    assert erase(world, person) >= 10
    assert erase(world, person) == 0
    assert tables_with(world, person) <= {"outbox"}, "which the chassis clears"
    alone = popularity(world)
    assert alone[1] == (0, 0.0)
    assert alone[2][0] == 1
    with world.database.begin() as connection:
        assert len(tastes.all_interactions(connection).users) == 1, "what a model is trained with"


def test_a_replay_resurrects_nobody(world: World, person: UUID):
    world.add_movies(5)
    world.rate(person, 1)
    message = user_events.ErasureRequested(erasure_id=str(uuid4()), user_id=str(person))
    world.tell(message)
    erase(world, person)
    world.rate(person, 2)
    world.tell(user_events.PreferencesChanged(user_id=str(person), version=9))
    world.tell(message)
    assert tables_with(world, person) == {"erasure"}, "until the erasure is finished"


def test_of_a_buried_batch_others_part_stays(world: World, person: UUID):
    grace = world.new_person()
    both = interactions_events.RatingsImported(
        ratings=[
            interactions_events.MovieRated(user_id=str(one), movie_id=1, rating=4.0)
            for one in (person, grace)
        ]
    )
    letter = {
        "consumer": "recommender", "event_id": uuid4(), "stream": "interactions.events",
        "type": both.DESCRIPTOR.full_name, "aggregate_id": f"{person}:1:import",
        "aggregate_version": 1, "occurred_at": sa.func.now(), "error": "e", "attempts": 5,
        "payload": both.SerializeToString(),
    }  # fmt: skip
    with world.database.begin() as connection:
        connection.execute(sa.insert(dead_letter).values(letter))
        assert forget_rows(connection, person, REWRITERS) >= 1
        left = connection.execute(sa.select(dead_letter)).mappings().one()
    message = interactions_events.RatingsImported.FromString(bytes(left["payload"]))
    assert [one.user_id for one in message.ratings] == [str(grace)]
    assert str(person) not in str(dict(left))


def test_the_export_tells_what_was_recommended_and_from_what(world: World, person: UUID):
    world.add_movies(30)
    world.rate(person, 1)
    world.rate(world.new_person(), 2)
    shown = world.recommend(person).recommendations
    document, token = {}, ""
    while True:
        request = pb.ExportPersonalDataRequest(page_token=token)
        reply = world.stub.ExportPersonalData(
            request, metadata=world.tokens.user(person), timeout=20
        )
        for name, records in json.loads(reply.document_json).items():
            document.setdefault(name, []).extend(records)
        token = reply.next_page_token
        if not token:
            break
    told = {one["recommendation_id"] for one in document["recommendations"]}
    assert told == {one.recommendation_id for one in shown}
    assert [one["movie_id"] for one in document["interactions_used"]] == [1]
    assert len(document["preferences_used"]) == 1
