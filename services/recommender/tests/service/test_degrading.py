"""What is answered when something is missing, and while models take turns."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from recommender_world import World, movie_ids

from chassis.database import uuid7
from marquee.gateway.v1 import events_pb2 as gateway_events
from marquee.recommender.v1 import recommender_pb2 as pb
from recommender import wiring
from recommender.operations import models


@pytest.fixture
def trained(world: World) -> World:
    world.add_movies(60)
    world.rate_by_taste(40, 60)
    assert world.train()
    return world


def stored(world: World, version: str) -> Path:
    return Path(world.settings.model_store.removeprefix("file://")) / version


def next_model(world: World) -> str:
    """A model that is registered as live, before any replica has looked at it."""
    request = pb.TrainModelRequest(request_id=str(uuid7()))
    world.stub.TrainModel(request, metadata=world.tokens.service("cli"), timeout=10)
    wiring.worker_of(world.settings, world.database).run_waiting()
    reply = world.stub.ListModels(
        pb.ListModelsRequest(), metadata=world.tokens.service("cli"), timeout=10
    )
    (live,) = [one.model_version for one in reply.models if one.state == "live"]
    return live


def damage(folder: Path) -> None:
    file = folder / "movies.counts.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 0xFF
    file.write_bytes(content)


def lose(folder: Path) -> None:
    (folder / "movies.ids.npy").unlink()


@pytest.mark.parametrize("harm", [damage, lose])
def test_a_model_that_is_not_what_was_written_is_refused_and_the_last_one_stays(
    trained: World, person: UUID, harm
):
    good = trained.live.snapshot().model_version
    bad = next_model(trained)
    assert bad != good
    harm(stored(trained, bad))
    assert trained.live.refresh().model_version == good
    reply = trained.recommend(person)
    assert reply.model_version == good
    assert not reply.degraded
    assert trained.live.refresh().model_version == good


def test_a_new_replica_without_the_store_answers_what_is_popular(trained: World, person: UUID):
    damage(stored(trained, trained.live.snapshot().model_version))
    newcomer = wiring.live_of(trained.settings, trained.database)
    snapshot = newcomer.snapshot()
    assert snapshot.degraded
    assert len(snapshot.ensemble) == 60


def test_a_new_replica_answers_by_the_model_before_when_the_live_one_is_damaged(trained: World):
    before = trained.live.snapshot().model_version
    damage(stored(trained, next_model(trained)))
    newcomer = wiring.live_of(trained.settings, trained.database)
    assert newcomer.snapshot().model_version == before
    assert newcomer.refresh().model_version == before
    mended = next_model(trained)
    assert newcomer.refresh().model_version == mended


def test_models_take_turns_under_load_without_a_failed_or_torn_answer(trained: World):
    versions = [trained.live.snapshot().model_version, next_model(trained)]
    people = [trained.new_person() for _ in range(4)]

    def asked(number: int) -> pb.RecommendResponse:
        return trained.recommend(people[number % len(people)], page_size=20)

    with ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(asked, number) for number in range(60)]
        for turn in range(8):
            with trained.database.begin() as connection:
                models.promote(connection, versions[turn % 2], at=trained.now)
            assert trained.live.refresh().model_version == versions[turn % 2]
        answers = [reply.result() for reply in replies]
    for reply in answers:
        assert reply.model_version in versions
        assert not reply.degraded
        assert len(set(movie_ids(reply))) == 20


def test_a_page_the_gateway_made_alone_can_be_clicked_and_is_history(world: World, person: UUID):
    world.add_movies(5)
    offers = [
        gateway_events.FallbackOffer(
            recommendation_id=str(uuid7()), movie_id=number, position=number, score=1 / number
        )
        for number in (1, 2, 3)
    ]
    served = gateway_events.FallbackServed(user_id=str(person), list_id=str(uuid7()), offers=offers)
    served.served_at.FromDatetime(world.now)
    world.tell(served)
    request = pb.RecordClickRequest(recommendation_id=offers[1].recommendation_id)
    metadata = world.tokens.user(person)
    assert world.stub.RecordClick(request, metadata=metadata, timeout=10).counted
    assert not world.stub.RecordClick(request, metadata=metadata, timeout=10).counted
    reply = world.stub.ListRecommendationHistory(
        pb.ListRecommendationHistoryRequest(), metadata=metadata, timeout=10
    )
    assert {r.recommendation.movie_id: r.HasField("clicked_at") for r in reply.records} == {
        1: False, 2: True, 3: False
    }  # fmt: skip
