"""Recommendations by mail: to those who want them, once a week, whatever happens meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import jwt
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import DeadlineExceeded, Failed, Refusal, Unauthenticated, Unavailable
from chassis.jobs import Worker
from marquee.catalog.v1 import catalog_pb2
from marquee.recommender.v1 import recommender_pb2
from marquee.users.v1 import users_pb2 as pb
from users import wiring
from users.jobs import CHORES
from users.operations.recommendation_mails import Offers


@dataclass
class OtherServices:
    """Stand-ins for recommender and catalog: other processes, so fakes are fair."""

    movies: dict[int, str] = field(default_factory=lambda: {1: "Heat", 2: "Arrival"})
    askers: list[str] = field(default_factory=list)
    down_for: set[str] = field(default_factory=set)
    refusal: Refusal = field(default_factory=lambda: Unavailable("away"))
    meanwhile: Callable[[], object] | None = None
    """Done once, while the recommender thinks."""

    def Recommend(self, request, timeout, metadata):
        token = dict(metadata)["authorization"].removeprefix("Bearer ")
        subject = jwt.decode(token, options={"verify_signature": False})["sub"]
        self.askers.append(subject)
        deed, self.meanwhile = self.meanwhile, None
        if deed is not None:
            deed()
        if subject in self.down_for:
            raise self.refusal
        found = [recommender_pb2.Recommendation(movie_id=one) for one in self.movies]
        return recommender_pb2.RecommendResponse(recommendations=found)

    def BatchGetMovies(self, request, timeout):
        found = [
            catalog_pb2.Movie(movie_id=one, title=self.movies[one], release_date="1995-12-15")
            for one in reversed(request.movie_ids)
        ]
        return catalog_pb2.BatchGetMoviesResponse(movies=found)


@pytest.fixture
def others() -> OtherServices:
    return OtherServices()


@pytest.fixture
def settings(settings_for, postbox):
    return settings_for(
        wiring.Settings,
        "users",
        signing_key_secret="seals the signing keys of the tests",
        mail_url=postbox.url,
        mail_from="marquee@example.org",
    )


@pytest.fixture
def day_passes(world, settings, others):
    """What a worker does once a day."""
    chores = replace(
        wiring.chores_of(settings, world.database, now=world.clock), offer=Offers(others, others)
    )
    worker = Worker(
        name="users",
        database=world.database,
        redis_url=settings.redis_streams_url,
        handlers={"mail_recommendations": chores.functions["mail_recommendations"]},
        chores=[one for one in CHORES if one.kind == "mail_recommendations"],
        instance="tests",
    )

    def run() -> None:
        with world.database.begin() as connection:
            connection.exec_driver_sql("delete from job")
        worker.tick()
        worker.run_waiting()

    return run


def wanting(world, name, **more):
    """Somebody who wants mails."""
    who = world.register(name)
    prefer(world, who.user.user_id, recommendation_emails=True, **more)
    return who.user.user_id


def prefer(world, user_id, **wanted: Any):
    world.call(
        "UpdatePreferences",
        pb.UpdatePreferencesRequest(
            preferences=pb.Preferences(**wanted), update_mask=FieldMask(paths=sorted(wanted))
        ),
        world.tokens.user(UUID(user_id)),
    )


def recipients(postbox):
    return sorted(mail["To"] for mail in postbox.delivered)


def test_who_wants_them_gets_them_once_a_week(world, day_passes, postbox, others):
    ada = wanting(world, "ada")
    wanting(world, "ben", email_notifications=False)
    world.register("carl")
    day_passes()
    day_passes()
    assert recipients(postbox) == ["ada@example.org"]
    assert others.askers == [ada]
    text = postbox.delivered[0].get_payload(decode=True).decode()
    assert "Hello ada" in text
    assert text.index("Heat (1995)") < text.index("Arrival (1995)")
    world.clock.advance(days=7)
    day_passes()
    assert recipients(postbox) == ["ada@example.org"] * 2


@pytest.mark.parametrize("refusal", [Unavailable, DeadlineExceeded, Unauthenticated, Failed])
def test_who_cannot_be_asked_for_keeps_nobody_else_waiting(
    world, day_passes, postbox, others, refusal
):
    ada = wanting(world, "ada")
    wanting(world, "ben")
    others.down_for, others.refusal = {ada}, refusal("not now")
    day_passes()
    assert recipients(postbox) == ["ben@example.org"]
    others.down_for = set()
    day_passes()
    assert recipients(postbox) == ["ada@example.org", "ben@example.org"]


def test_nobody_waits_while_their_mail_is_made(world, day_passes, postbox, others):
    ada = wanting(world, "ada")
    others.meanwhile = lambda: prefer(world, ada, preferred_language="de")
    day_passes()
    assert others.askers == [ada]
    assert recipients(postbox) == ["ada@example.org"]


def test_two_who_mail_at_once_send_one_mail(world, day_passes, postbox, others):
    wanting(world, "ada")
    others.meanwhile = day_passes
    day_passes()
    assert recipients(postbox) == ["ada@example.org"]


def test_an_address_no_mail_can_go_to_keeps_nobody_else_waiting(world, day_passes, postbox):
    wanting(world, "ada")
    wanting(world, "ben")
    with world.database.begin() as connection:  # as accounts of before could be
        connection.exec_driver_sql("update \"user\" set email = 'ada@).org' where username = 'ada'")
    day_passes()
    assert recipients(postbox) == ["ben@example.org"]


def test_without_anything_to_recommend_no_mail_goes_out(world, day_passes, postbox, others):
    wanting(world, "ada")
    others.movies = {}
    day_passes()
    assert postbox.delivered == []
