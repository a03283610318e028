"""What is answered when something is missing, and while models take turns."""

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
import sqlalchemy as sa
from recommender_world import World, movie_ids
from sqlalchemy.exc import ProgrammingError

from chassis.database import uuid7
from marquee.catalog.v1 import events_pb2 as catalog_events
from marquee.gateway.v1 import events_pb2 as gateway_events
from marquee.recommender.v1 import recommender_pb2 as pb
from recommender import wiring
from recommender.operations import models
from recommender.operations.live import Live
from recommender.ranking.ensemble import Model
from recommender.store.artefacts import Artefacts, Manifest


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


def test_without_a_model_a_rating_counts_beside_fame_and_is_named_only_for_what_it_lifts(
    world: World, person: UUID
):
    world.add_movies(60, fame=lambda number: 1000 / number)
    world.rate(person, 9)
    found = list(world.recommend(person, page_size=20).recommendations)
    kinds = {one.movie_id: one.reason.kind for one in found}
    assert [kinds[one] for one in (2, 4, 6)] == ["popular"] * 3
    assert [kinds[one] for one in (1, 3, 5, 7)] == ["because_you_rated"] * 4
    assert len([one for one in found[:10] if one.movie_id % 2 == 1]) >= 7


def test_a_new_replica_answers_by_the_model_before_when_the_live_one_is_damaged(trained: World):
    before = trained.live.snapshot().model_version
    damage(stored(trained, next_model(trained)))
    newcomer = wiring.live_of(trained.settings, trained.database)
    assert newcomer.snapshot().model_version == before
    assert newcomer.refresh().model_version == before
    mended = next_model(trained)
    assert newcomer.refresh().model_version == mended


class Unforeseen(Artefacts):
    """A store whose library breaks in a way that nobody thought of."""

    asked = 0

    def read(self, version: str, manifest: Manifest, meta: Mapping[str, Any]) -> Model:
        self.asked += 1
        raise KeyError(version)


def test_what_fails_as_nobody_foresaw_is_tried_once(trained: World, tmp_path: Path):
    store = Unforeseen(str(tmp_path), tmp_path)
    live = Live(trained.database, store, now=wiring.utc_now, clock=lambda: 0.0)
    assert live.refresh().degraded
    assert live.refresh().degraded
    assert store.asked == 1


@contextmanager
def failing(world: World) -> Generator[None]:
    """Meanwhile the catalogue and the registry can be followed, but nothing made of them."""
    with world.database.begin() as connection:
        connection.execute(sa.text("alter table genre rename to genre_away"))
    yield
    with world.database.begin() as connection:
        connection.execute(sa.text("alter table genre_away rename to genre"))


def test_a_model_that_could_not_be_taken_at_once_is_taken_later(trained: World):
    before = trained.live.snapshot().model_version
    new = next_model(trained)
    with failing(trained):
        with pytest.raises(ProgrammingError):
            trained.live.refresh()
        assert trained.live.snapshot().model_version == before
    assert trained.live.refresh().model_version == new != before


def test_what_changed_in_the_catalogue_counts_though_the_database_fails_then(world: World):
    world.add_movies(5)
    artefacts = wiring.artefacts_of(world.settings)
    live = Live(world.database, artefacts, now=wiring.utc_now, clock=lambda: 0.0)
    live.refresh()
    world.tell(catalog_events.MoviesRemoved(movie_ids=[2]))
    with failing(world):
        with pytest.raises(ProgrammingError):
            live.refresh()
        shelf = live.snapshot().shelf
        assert shelf.movie_ids[~shelf.removed].tolist() == [1, 3, 4, 5]
    assert live.refresh().ensemble.movie_ids.tolist() == [1, 3, 4, 5]


def test_what_was_begun_by_the_model_before_goes_on_without_movies_gone_since_or_is_refused(
    trained: World, person: UUID
):

    def similar(page_token: str) -> pb.ListSimilarMoviesResponse:
        request = pb.ListSimilarMoviesRequest(movie_id=4, page_size=5, page_token=page_token)
        metadata = trained.tokens.service("gateway")
        return trained.stub.ListSimilarMovies(request, metadata=metadata, timeout=10)

    token = similar("").next_page_token
    assert similar(token).movies
    first = trained.recommend(person)
    gone = movie_ids(trained.recommend(person, page_token=first.next_page_token))[3]
    trained.tell(catalog_events.MoviesRemoved(movie_ids=[gone]))
    assert trained.train() > first.model_version
    second = trained.recommend(person, page_token=first.next_page_token)
    assert second.list_id == first.list_id
    assert gone not in movie_ids(second)
    assert len(second.recommendations) == 20
    with pytest.raises(grpc.RpcError) as refused:
        similar(token)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


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


def fallback(world: World, person: UUID, ahead: timedelta | None) -> gateway_events.FallbackServed:
    """A page of a gateway whose clock is so far ahead; None tells no time."""
    at = world.now + (ahead or timedelta())
    minted = int(at.timestamp() * 1000) << 80 | 7 << 76 | 0b10 << 62
    offers = [
        gateway_events.FallbackOffer(
            recommendation_id=str(UUID(int=minted | (uuid7().int & 0xFFFF_FFFF) << 8 | number)),
            movie_id=number,
            position=number,
            score=1 / number,
        )
        for number in (1, 2, 3)
    ]
    served = gateway_events.FallbackServed(user_id=str(person), list_id=str(uuid7()), offers=offers)
    if ahead is not None:
        served.served_at.FromDatetime(at)
    return served


def history(world: World, person: UUID) -> list[pb.RecommendationRecord]:
    reply = world.stub.ListRecommendationHistory(
        pb.ListRecommendationHistoryRequest(), metadata=world.tokens.user(person), timeout=10
    )
    return list(reply.records)


@pytest.mark.parametrize("days_ahead", [0, 200, -200, None])
def test_a_page_the_gateway_made_alone_can_be_clicked_and_is_history_whatever_its_clock_says(
    world: World, person: UUID, days_ahead: int | None
):
    world.add_movies(5)
    served = fallback(world, person, None if days_ahead is None else timedelta(days=days_ahead))
    world.tell(served)
    request = pb.RecordClickRequest(recommendation_id=served.offers[1].recommendation_id)
    metadata = world.tokens.user(person)
    assert world.stub.RecordClick(request, metadata=metadata, timeout=10).counted
    assert not world.stub.RecordClick(request, metadata=metadata, timeout=10).counted
    records = history(world, person)
    assert {r.recommendation.movie_id: r.HasField("clicked_at") for r in records} == {
        1: False, 2: True, 3: False
    }  # fmt: skip


def test_pages_told_twice_or_of_a_wrong_clock_keep_none_out_of_the_history(
    world: World, person: UUID
):
    world.add_movies(5)
    served = fallback(world, person, timedelta())
    for page in (served, fallback(world, person, timedelta(days=400)), served):
        world.tell(page)
    stranger = world.new_person()
    world.recommend(stranger)
    assert world.record() == 4
    assert [len(history(world, one)) for one in (person, stranger)] == [6, 5]
