"""History, clicks, models and trainings, seen from the door."""

import json
from uuid import UUID

import grpc
import pytest
import sqlalchemy as sa
from recommender_world import Interactions, World, movie_ids, reason_of

from chassis.database import uuid7
from chassis.telemetry import rpc_requests
from chassis.testing import eventually
from marquee.recommender.v1 import events_pb2 as events
from marquee.recommender.v1 import recommender_pb2 as pb
from recommender.store import models


def click(world: World, user_id: UUID, recommendation_id: str) -> bool:
    request = pb.RecordClickRequest(recommendation_id=recommendation_id)
    metadata = world.tokens.user(user_id)
    return world.stub.RecordClick(request, metadata=metadata, timeout=10).counted


def history(world: World, user_id: UUID, **wanted) -> pb.ListRecommendationHistoryResponse:
    request = pb.ListRecommendationHistoryRequest(**wanted)
    metadata = world.tokens.user(user_id)
    return world.stub.ListRecommendationHistory(request, metadata=metadata, timeout=10)


@pytest.mark.parametrize("recorded_first", [False, True])
def test_a_click_counts_once_also_before_its_page_is_recorded(
    world: World, person: UUID, recorded_first: bool
):
    world.add_movies(30)
    offer = world.recommend(person).recommendations[3]
    if recorded_first:
        world.record()
    assert click(world, person, offer.recommendation_id)
    assert not click(world, person, offer.recommendation_id)
    world.record()
    (record,) = history(world, person, clicked_only=True).records
    assert record.recommendation.recommendation_id == offer.recommendation_id
    assert record.HasField("clicked_at")


def test_the_history_holds_each_page_once_newest_first(world: World, person: UUID):
    world.add_movies(30)
    reply = world.recommend(person)
    world.record()
    world.record()
    first = history(world, person, page_size=15)
    second = history(world, person, page_size=15, page_token=first.next_page_token)
    shown = [r.recommendation.movie_id for r in (*first.records, *second.records)]
    assert shown == movie_ids(reply)[::-1]
    assert second.next_page_token == ""
    with world.database.begin() as connection:
        served = "select count(*) from outbox where type like '%ListServed'"
        assert connection.execute(sa.text(served)).scalar() == 1


def answered() -> float:
    """How many calls for a page have ended."""
    counted = (sample for metric in rpc_requests.collect() for sample in metric.samples)
    return sum(
        one.value
        for one in counted
        if one.name.endswith("_total") and one.labels["method"].endswith("/Recommend")
    )


def test_a_page_nobody_waited_for_is_not_in_the_history(
    world: World, person: UUID, interactions: Interactions
):
    world.add_movies(30)
    before = answered()
    interactions.answering.clear()
    with pytest.raises(grpc.RpcError) as caught:
        world.recommend(person, known_sequence=7, timeout=0.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    eventually(lambda: answered() > before)
    interactions.answering.set()
    assert world.record() == 0


def test_a_click_and_the_history_find_the_last_of_very_many_pages_that_wait(
    world: World, person: UUID
):
    world.add_movies(30)
    first = world.recommend(person, page_size=1)
    copies = sa.text(
        """
        insert into served_page (page_id, user_id, page)
        select cast(lpad(to_hex(number), 32, '0') as uuid), user_id, cast(
            replace(cast(page as text), :told, left(:told, 24) || lpad(to_hex(number), 12, '0'))
            as jsonb)
        from served_page, generate_series(1, 250) as number
        """
    )
    told = first.recommendations[0].recommendation_id
    with world.database.begin() as connection:
        connection.execute(copies, {"told": told})
    last = world.recommend(person, page_size=2).recommendations
    assert click(world, person, last[1].recommendation_id)
    with world.database.read() as connection:
        waiting = connection.execute(sa.text("select count(*) from served_page")).scalar()
    assert waiting == 251, "of a click only its own page is recorded"
    shown = [r.recommendation.recommendation_id for r in history(world, person).records]
    assert shown[:2] == [last[1].recommendation_id, last[0].recommendation_id]


@pytest.mark.parametrize(
    "identifier",
    [
        "nonsense",
        str(UUID(int=4)),
        "01a2064a-2752-7f56-ba53-b8d4d4e5668a",
        "ffffffff-ffff-7fff-bfff-ffffffffffff",
    ],
)
def test_clicking_what_was_never_recommended_is_refused(
    world: World, person: UUID, identifier: str
):
    with pytest.raises(grpc.RpcError) as refused:
        click(world, person, identifier)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_another_persons_recommendation_cannot_be_clicked_or_read(world: World, person: UUID):
    world.add_movies(5)
    offer = world.recommend(person).recommendations[0]
    stranger = world.new_person()
    with pytest.raises(grpc.RpcError) as refused:
        click(world, stranger, offer.recommendation_id)
    assert reason_of(refused) == "RECOMMENDATION_NOT_FOUND"
    assert list(history(world, stranger).records) == []


def test_a_training_makes_a_live_model_and_an_older_one_can_come_back(world: World):
    world.add_movies(40)
    world.rate_by_taste(80, 40)
    first = world.train()
    second = world.train()
    assert second > first > ""
    user_id = uuid7()
    admin = (*world.tokens.user(user_id, "admin"), ("x-client-address", "203.0.113.0"))
    request = pb.PromoteModelRequest(model_version=first)
    model = world.stub.PromoteModel(request, metadata=admin, timeout=10).model
    assert model.state == "live"
    assert world.live.refresh().model_version == first
    listed = world.stub.ListModels(pb.ListModelsRequest(), metadata=admin, timeout=10).models
    assert [one.model_version for one in listed] == [second, first]
    assert listed[0].metrics["ndcg_at_10"] > 0
    world.stub.PromoteModel(request, metadata=admin, timeout=10)
    (act,) = acts(world)  # what was live already was not put live again
    assert (UUID(act.user_id), act.action, act.subject) == (user_id, "model.promoted", first)
    assert json.loads(act.details_json) == {"instead_of": second}
    assert act.address == "203.0.113.0"


def acts(world: World) -> list[events.AdminActed]:
    """What is told the audit log."""
    asked = sa.text("select payload from outbox where type = 'marquee.recommender.v1.AdminActed'")
    with world.database.read() as connection:
        payloads = connection.execute(asked).scalars().all()
    return [events.AdminActed.FromString(bytes(payload)) for payload in payloads]


def test_the_same_request_id_starts_one_training(world: World):
    admin = world.tokens.user(role="admin")
    request = pb.TrainModelRequest(request_id="once")
    ids = {
        world.stub.TrainModel(request, metadata=admin, timeout=10).training.training_id
        for _ in range(3)
    }
    assert len(ids) == 1
    (training_id,) = ids
    assert [(act.action, act.subject) for act in acts(world)] == [
        ("model.training_requested", training_id)
    ]
    wanted = pb.GetTrainingRequest(training_id=training_id)
    assert world.stub.GetTraining(wanted, metadata=admin, timeout=10).training.state == "queued"


def test_training_on_nothing_still_makes_a_model(world: World, person: UUID):
    world.train()
    assert list(world.recommend(person).recommendations) == []


def promoting(world: World, version: str) -> str:
    admin = world.tokens.user(role="admin")
    request = pb.PromoteModelRequest(model_version=version)
    with pytest.raises(grpc.RpcError) as refused:
        world.stub.PromoteModel(request, metadata=admin, timeout=10)
    return reason_of(refused)


def test_a_model_that_is_not_there_or_not_stored_is_not_promoted(world: World):
    assert promoting(world, "none") == "MODEL_NOT_FOUND"
    with world.database.begin() as connection:
        models.open_model(connection, "being-trained", uuid7())
    assert promoting(world, "being-trained") == "MODEL_UNUSABLE"


@pytest.mark.parametrize("training_id", ["none", "01a21a11-7261-7cdd-82f2-46aa4014988a"])
def test_unknown_trainings_are_not_found(world: World, training_id: str):
    request = pb.GetTrainingRequest(training_id=training_id)
    with pytest.raises(grpc.RpcError) as refused:
        world.stub.GetTraining(request, metadata=world.tokens.user(role="admin"), timeout=10)
    assert reason_of(refused) == "TRAINING_NOT_FOUND"
