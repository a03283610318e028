"""Registering, and what exists from that moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from chassis.errors import Refusal
from chassis.tables import outbox
from marquee.users.v1 import events_pb2 as events
from marquee.users.v1 import users_pb2 as pb
from users.tables import audit_log, user


def facts(world, kind):
    statement = sa.select(outbox.c.payload).where(outbox.c.type == kind.DESCRIPTOR.full_name)
    with world.database.read() as connection:
        rows = connection.execute(statement.order_by(outbox.c.event_id)).scalars()
        return [kind.FromString(row) for row in rows]


def test_profile_preferences_and_a_session_exist_from_registration_on(world):
    registered = world.register("Ada")
    metadata = world.acting(registered)
    assert registered.user.username == "Ada"
    assert registered.user.role == "user"
    assert registered.tokens.expires_in_seconds == 600
    profile = world.call("GetProfile", pb.GetProfileRequest(), metadata).profile
    preferences = world.call("GetPreferences", pb.GetPreferencesRequest(), metadata).preferences
    assert list(profile.favorite_genre_ids) == []
    assert preferences.version == 1
    assert preferences.activity_tracking == "full"
    sessions = world.call("ListSessions", pb.ListSessionsRequest(), metadata).sessions
    assert [one.current for one in sessions] == [True]


def test_registration_is_told_with_the_preferences_replicas_need(world):
    registered = world.register()
    assert [fact.user_id for fact in facts(world, events.UserRegistered)] == [
        registered.user.user_id
    ]
    (changed,) = facts(world, events.PreferencesChanged)
    assert (changed.version, changed.preferred_language) == (1, "en")
    (logged_in,) = facts(world, events.UserLoggedIn)
    assert logged_in.session_id == registered.tokens.session_id


@pytest.mark.parametrize("name", ["ada", "ADA", "\uff41\uff44\uff41", " Ada "])
def test_a_username_is_taken_in_every_spelling(world, name):
    world.register("Ada")
    with world.refused("USERNAME_TAKEN"):
        world.register(name, email="other@example.org")


@pytest.mark.parametrize("name", ["ada\u3164", "ad\u200ba", "\u115f\u1160\u3164", "\u202eada"])
def test_nobody_passes_for_somebody_else_by_what_is_not_seen(world, name):
    with world.refused("INVALID") as caught:
        world.register(name)
    assert caught.value.facts["errors"][0]["pointer"] == "/username"


@pytest.mark.parametrize(("field", "longest"), [("username", 30), ("email", 254)])
@pytest.mark.parametrize("more", [1, 300])
def test_what_is_too_long_is_told_the_rules_own_limit(world, field, longest, more):
    given = {"username": "ada", "email": "ada@example.org", field: "x" * (longest + more)}
    with world.refused("INVALID") as caught:
        world.register(**given)
    (error,) = caught.value.errors
    assert error["pointer"] == f"/{field}"
    assert f" {longest} characters" in error["detail"]


def test_an_address_is_taken_in_every_spelling(world):
    world.register("ada", email="Ada@Example.org")
    with world.refused("EMAIL_TAKEN"):
        world.register("grace", email="ADA@example.ORG")


def test_all_that_is_wrong_is_told_at_once(world):
    with world.refused("INVALID") as refused:
        world.register("x", email="nowhere", password="password")
    pointers = [error["pointer"] for error in refused.value.facts["errors"]]
    assert pointers == ["/username", "/email", "/password"]


def test_of_fifty_who_want_one_name_one_gets_it(world):
    def attempt(number):
        try:
            return world.register("ada").user.user_id
        except Refusal as refusal:
            return refusal.reason

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(attempt, range(50)))
    refused = [answer for answer in answers if answer in {"USERNAME_TAKEN", "EMAIL_TAKEN"}]
    assert len(refused) == 49
    assert len(facts(world, events.UserRegistered)) == 1


def test_the_password_is_stored_as_argon2id_only(world):
    world.register()
    with world.database.read() as connection:
        stored = connection.execute(sa.select(user.c.password_hash)).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_audit_log_cannot_be_rewritten(world):
    world.register()
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        world.database.begin() as connection,
    ):
        connection.execute(sa.delete(audit_log))


def imported(*names):
    return pb.BatchCreateUsersRequest(
        users=[pb.ImportedUser(username=name, email=f"{name}@import.example") for name in names]
    )


def test_importing_twice_is_importing_once(world):
    existing = world.register("two", email="someone@example.org")
    first = world.call("BatchCreateUsers", imported("one", "two", "three", "ONE"))
    again = world.call("BatchCreateUsers", imported("one", "two", "three", "ONE"))
    assert first.created_count == 2
    assert again.created_count == 0
    assert list(first.user_ids) == list(again.user_ids)
    assert first.user_ids[0] == first.user_ids[3]
    assert first.user_ids[1] == existing.user.user_id
    assert len(facts(world, events.PreferencesChanged)) == 3


def test_an_imported_person_cannot_sign_in(world):
    world.call("BatchCreateUsers", imported("one"))
    with world.refused("INVALID_GRANT"):
        world.sign_in("one", "any password")


def test_an_import_with_anothers_address_is_refused_whole(world):
    world.register("ada", email="new@import.example")
    with world.refused("EMAIL_TAKEN"):
        world.call("BatchCreateUsers", imported("old", "new"))
    assert world.call("BatchCreateUsers", imported("old")).created_count == 1


def test_an_import_names_what_is_wrong_with_whom(world):
    with world.refused("INVALID") as refused:
        world.call("BatchCreateUsers", imported("fine", "x"))
    assert refused.value.facts["errors"][0]["pointer"] == "/users/1/username"


def test_parallel_imports_of_the_same_people_agree(world):
    names = [f"person-{number}" for number in range(100)]
    orders = [names, names[::-1], names[50:] + names[:50], names]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda order: world.call("BatchCreateUsers", imported(*order)), orders)
        found = [
            dict(zip(order, answer.user_ids, strict=True))
            for order, answer in zip(orders, answers, strict=True)
        ]
    assert all(one == found[0] for one in found)
    assert len(facts(world, events.UserRegistered)) == 100
