"""Signing in, refreshing and signing out."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from chassis.errors import Refusal
from chassis.tables import outbox
from marquee.users.v1 import users_pb2 as pb
from users.tables import audit_log, refresh_token

REVOKED = "marquee.users.v1.SessionRevoked"


def types(world):
    with world.database.read() as connection:
        return list(connection.execute(sa.select(outbox.c.type)).scalars())


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", " Ada@Example.ORG "])
def test_username_or_address_in_any_spelling_signs_in(world, login):
    registered = world.register("Ada")
    assert world.sign_in(login).user.user_id == registered.user.user_id


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer_for_the_same_work(world):
    world.register("ada")
    answers = []
    for login in ("ada", "nobody"):
        before = world.passwords.verified_count
        with world.statements() as executed, world.refused("INVALID_GRANT") as refused:
            world.sign_in(login, "not the password")
        verified = world.passwords.verified_count - before
        answers.append((refused.value.detail, verified, executed))
    assert answers[0] == answers[1]
    assert answers[0][1] == 1


def test_a_password_is_not_cut_off(world):
    world.register("ada", password="x" * 127 + "a")
    world.sign_in("ada", "x" * 127 + "a")
    for other in ("x" * 127 + "b", "x" * 127 + "ab", "x" * 127):
        with world.refused("INVALID_GRANT"):
            world.sign_in("ada", other)


def test_refresh_tokens_rotate_and_are_stored_hashed(world):
    registered = world.register()
    refreshed = world.refresh(registered.tokens.refresh_token)
    assert refreshed.tokens.session_id == registered.tokens.session_id
    assert refreshed.tokens.refresh_token != registered.tokens.refresh_token
    with world.database.read() as connection:
        stored = list(connection.execute(sa.select(refresh_token.c.token_hash)).scalars())
    assert [len(one) for one in stored] == [32, 32]
    world.refresh(refreshed.tokens.refresh_token)


def test_reusing_an_old_token_ends_the_whole_family(world):
    old = world.register().tokens
    new = world.refresh(old.refresh_token).tokens
    with world.refused("INVALID_GRANT"):
        world.refresh(old.refresh_token)
    with world.refused("INVALID_GRANT"):
        world.refresh(new.refresh_token)
    assert types(world).count(REVOKED) == 1
    assert [str(one) for one in world.revoked] == [old.session_id]


def test_another_familys_session_lives_on(world):
    registered = world.register("ada")
    other = world.sign_in("ada")
    world.refresh(registered.tokens.refresh_token)
    with world.refused("INVALID_GRANT"):
        world.refresh(registered.tokens.refresh_token)
    world.refresh(other.tokens.refresh_token)


def test_twenty_parallel_refreshes_leave_one_live_successor(world):
    token = world.register().tokens.refresh_token

    def attempt(_number):
        try:
            return world.refresh(token).tokens.refresh_token
        except Refusal as refusal:
            return refusal.reason

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(attempt, range(20)))
    successors = [answer for answer in answers if answer != "INVALID_GRANT"]
    assert len(successors) == 1
    assert world.refresh(successors[0]).tokens.refresh_token


def test_an_unused_session_expires(world):
    token = world.register().tokens.refresh_token
    world.clock.advance(days=30)
    with world.refused("INVALID_GRANT"):
        world.refresh(token)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 5000, "é"])
def test_what_is_no_token_is_refused_and_revoking_it_is_fine(world, token):
    with world.refused("INVALID_GRANT"):
        world.refresh(token)
    answer = world.call("RevokeToken", pb.RevokeTokenRequest(token=token))
    assert answer.session_id == ""


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_either_token_logs_out(world, kind):
    tokens = world.register().tokens
    world.clock.advance(hours=1)
    request = pb.RevokeTokenRequest(token=getattr(tokens, kind))
    assert world.call("RevokeToken", request).session_id == tokens.session_id
    assert world.call("RevokeToken", request).session_id == ""
    with world.refused("INVALID_GRANT"):
        world.refresh(tokens.refresh_token)
    found = types(world)
    assert (found.count("marquee.users.v1.UserLoggedOut"), found.count(REVOKED)) == (1, 1)


def test_sessions_are_listed_newest_first_in_pages(world):
    registered = world.register("ada")
    for number in range(4):
        world.sign_in("ada", agent=f"browser {number}", address="203.0.113.9")
    metadata, agents, token = world.acting(registered), [], ""
    while True:
        request = pb.ListSessionsRequest(page_size=2, page_token=token)
        page = world.call("ListSessions", request, metadata)
        agents += [session.agent for session in page.sessions]
        token = page.next_page_token
        if not token:
            break
    assert agents == ["browser 3", "browser 2", "browser 1", "browser 0", ""]
    assert page.sessions[0].current


def test_a_page_token_of_another_person_is_refused(world):
    ada, grace = world.register("ada"), world.register("grace")
    world.sign_in("ada")
    request = pb.ListSessionsRequest(page_size=1)
    token = world.call("ListSessions", request, world.acting(ada)).next_page_token
    with world.refused("INVALID"):
        stolen = pb.ListSessionsRequest(page_token=token)
        world.call("ListSessions", stolen, world.acting(grace))


def test_a_device_is_signed_out_by_its_owner_only(world):
    ada, grace = world.register("ada"), world.register("grace")
    request = pb.RevokeSessionRequest(session_id=ada.tokens.session_id)
    with world.refused("SESSION_NOT_FOUND"):
        world.call("RevokeSession", request, world.acting(grace))
    world.call("RevokeSession", request, world.acting(ada))
    with world.refused("SESSION_NOT_FOUND"):
        world.call("RevokeSession", request, world.acting(ada))
    with world.refused("INVALID_GRANT"):
        world.refresh(ada.tokens.refresh_token)


def test_changing_the_password_ends_the_other_sessions(world):
    ada = world.register("ada")
    other = world.sign_in("ada")
    wrong = pb.ChangePasswordRequest(current_password="wrong", new_password="another fine secret")
    with world.refused("WRONG_PASSWORD"):
        world.call("ChangePassword", wrong, world.acting(ada))
    right = pb.ChangePasswordRequest(
        current_password="a quite uncommon password", new_password="another fine secret"
    )
    answer = world.call("ChangePassword", right, world.acting(ada))
    assert answer.revoked_sessions_count == 1
    with world.refused("INVALID_GRANT"):
        world.refresh(other.tokens.refresh_token)
    world.refresh(ada.tokens.refresh_token)
    with world.refused("INVALID_GRANT"):
        world.sign_in("ada")
    world.sign_in("ada", "another fine secret")


def test_logins_good_and_bad_are_in_the_audit_log(world):
    world.register("ada")
    with world.refused("INVALID_GRANT"):
        world.sign_in("ada", "not the password", address="203.0.113.9")
    statement = sa.select(audit_log.c.action, audit_log.c.address)
    with world.database.read() as connection:
        rows = connection.execute(statement.order_by(audit_log.c.audit_entry_id)).all()
    assert [tuple(row) for row in rows] == [
        ("user.login", ""),
        ("user.login_failed", "203.0.113.0"),
    ]
