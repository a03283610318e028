"""Guessing passwords is slow, however it is tried."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from chassis.errors import Refusal
from marquee.users.v1 import users_pb2 as pb
from users import wiring
from users.operations import passwords


def outcome(world, login, password="wrong", **more):
    try:
        world.sign_in(login, password, **more)
    except Refusal as refusal:
        return refusal.reason
    return "OK"


def test_ten_wrong_passwords_in_any_spelling_are_the_last(world, redis_cache):
    world.register("Ada")
    spellings = ["ada", "ADA", "\uff41da", "ada@example.org", "ADA@EXAMPLE.ORG"] * 2
    assert {outcome(world, login) for login in spellings} == {"INVALID_GRANT"}
    with world.refused("TOO_MANY_LOGINS") as refused:
        world.sign_in("ada")
    assert 0 < refused.value.facts["retry_after_seconds"] <= 300
    assert all(key.startswith(b"limit:") for key in redis_cache.keys("*"))
    redis_cache.delete(*redis_cache.keys("limit:*"))
    world.sign_in("ada")


def test_unknown_logins_are_limited_alike(world):
    answers = [outcome(world, login) for login in ["Nobody", "nobody"] * 6]
    assert answers == ["INVALID_GRANT"] * 10 + ["TOO_MANY_LOGINS"] * 2


def test_right_passwords_do_not_count(world):
    world.register("ada")
    assert [outcome(world, "ada", "a quite uncommon password") for _ in range(12)] == ["OK"] * 12


def test_parallel_guesses_gain_nothing(world):
    world.register("ada")
    before = world.passwords.verified_count
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: outcome(world, "ada"), range(20)))
    assert sorted(answers) == ["INVALID_GRANT"] * 10 + ["TOO_MANY_LOGINS"] * 10
    assert world.passwords.verified_count - before == 10


def test_a_password_that_nobody_came_to_look_at_is_no_guess(world, monkeypatch):
    ada = world.register("ada")
    request = pb.DeleteUserRequest(password="a quite uncommon password")
    monkeypatch.setattr(passwords, "_PATIENCE_SECONDS", 0.0)
    with ExitStack() as busy:
        for _ in range(world.settings.password_threads):
            busy.enter_context(world.passwords._turn())  # noqa: SLF001 - as hashing for somebody
        for _ in range(6):
            assert outcome(world, "ada", "a quite uncommon password") == "UNAVAILABLE"
            with world.refused("UNAVAILABLE"):
                world.call("DeleteUser", request, world.acting(ada))
    world.sign_in("ada")


def test_confirming_with_the_password_counts_too(world):
    ada = world.register("ada")
    request = pb.ChangePasswordRequest(current_password="wrong", new_password="another secret!")
    for _ in range(10):
        with world.refused("WRONG_PASSWORD"):
            world.call("ChangePassword", request, world.acting(ada))
    with world.refused("TOO_MANY_LOGINS"):
        world.call("ChangePassword", request, world.acting(ada))


class TestWithOtherSettings:
    @pytest.fixture
    def settings(self, settings_for, changed_settings):
        return settings_for(
            wiring.Settings, "users", signing_key_secret="x" * 32, **changed_settings
        )

    @pytest.mark.parametrize("changed_settings", [{"login_limit_address": 3}])
    def test_one_address_is_limited_over_all_accounts(self, world):
        guesses = [outcome(world, f"n{one}", address="2001:db8::1") for one in range(3)]
        assert guesses == ["INVALID_GRANT"] * 3
        assert outcome(world, "n4", address="2001:db8::2") == "TOO_MANY_LOGINS"
        assert outcome(world, "n4", address="203.0.113.9") == "INVALID_GRANT"

    @pytest.mark.parametrize("changed_settings", [{"redis_cache_url": "redis://127.0.0.1:1/0"}])
    def test_without_redis_each_process_counts_for_itself(self, world):
        world.register("ada")
        assert outcome(world, "ada", "a quite uncommon password") == "OK"
        answers = [outcome(world, "ada") for _ in range(11)]
        assert answers == ["INVALID_GRANT"] * 10 + ["TOO_MANY_LOGINS"]
