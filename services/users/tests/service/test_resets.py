"""A forgotten password is replaced by whoever reads the account's mail, and by nobody else."""

import re
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import sqlalchemy as sa

from chassis.errors import Refusal
from marquee.users.v1 import users_pb2 as pb
from users import wiring
from users.operations import resets

NEW = "another uncommon password"
PASSWORD = "a quite uncommon password"


@pytest.fixture
def settings(settings_for, postbox):
    return settings_for(
        wiring.Settings,
        "users",
        signing_key_secret="x" * 32,
        mail_url=postbox.url,
        mail_from="marquee@example.org",
        password_reset_url="https://client.example.org/reset?lang=en",
    )


@pytest.fixture
def post(world, settings):
    """Sends what waits to be sent; answers how many jobs that were."""
    return wiring.worker_of(settings, now=world.clock).run_waiting


def ask(world, email):
    return world.call("RequestPasswordReset", pb.RequestPasswordResetRequest(email=email))


def confirm(world, token, password=NEW):
    request = pb.ConfirmPasswordResetRequest(token=token, new_password=password)
    return world.call("ConfirmPasswordReset", request).revoked_sessions_count


def reason_of(deed):
    try:
        deed()
    except Refusal as refusal:
        return refusal.reason
    return "OK"


def token_in(mail):
    found = re.search(r"lang=en&token=([\w-]+)", mail.get_payload(decode=True).decode())
    assert found is not None
    return found[1]


def mailed_token(world, post, postbox, email="ada@example.org"):
    ask(world, email)
    post()
    return token_in(postbox.delivered[-1])


def test_the_mailed_token_replaces_the_password_and_ends_every_session(world, post, postbox):
    ada = world.register("ada")
    world.sign_in("ada")
    token = mailed_token(world, post, postbox, "ADA@example.org")
    assert postbox.delivered[0]["X-Envelope-To"] == "ada@example.org"
    assert confirm(world, token) == 2
    assert len(world.revoked) == 2
    with world.refused("INVALID_GRANT"):
        world.refresh(ada.tokens.refresh_token)
    with world.refused("INVALID_GRANT"):
        world.sign_in("ada")
    world.sign_in("ada", NEW)


def test_a_token_works_once_and_takes_the_others_with_it(world, post, postbox):
    world.register("ada")
    first, second = (mailed_token(world, post, postbox) for _ in range(2))
    confirm(world, second)
    for token in (first, second):
        with world.refused("RESET_TOKEN_INVALID"):
            confirm(world, token, "a third uncommon password")
    world.sign_in("ada", NEW)


def test_of_many_who_confirm_at_once_one_does(world, post, postbox):
    world.register("ada")
    token = mailed_token(world, post, postbox)

    def attempt(number):
        return reason_of(lambda: confirm(world, token, f"uncommon password number {number}"))

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(attempt, range(8)))
    assert outcomes == ["OK"] + ["RESET_TOKEN_INVALID"] * 7


def test_a_used_token_is_used_for_who_read_the_clock_before_it_was(world, post, postbox):
    world.register("ada")
    token, before = mailed_token(world, post, postbox), world.clock()
    confirm(world, token)
    with world.database.begin() as connection, pytest.raises(resets.ResetTokenInvalid):
        resets.check_reset_token(connection, token, before)


def test_a_token_expires(world, post, postbox):
    world.register("ada")
    token = mailed_token(world, post, postbox)
    world.clock.advance(minutes=31)
    with world.refused("RESET_TOKEN_INVALID"):
        confirm(world, token)


@pytest.mark.parametrize("token", ["", "x", "0193f2d4-7c1b-7000-8000-5a1e0c0ffee0", "ä" * 300])
def test_an_invented_token_is_refused(world, token):
    with world.refused("RESET_TOKEN_INVALID"):
        confirm(world, token)


def change_password(world, who):
    request = pb.ChangePasswordRequest(current_password=PASSWORD, new_password=NEW)
    world.call("ChangePassword", request, world.acting(who))


def change_email(world, who):
    request = pb.UpdateUserRequest(user=pb.User(email="new@example.org"), password=PASSWORD)
    request.update_mask.paths.append("email")
    world.call("UpdateUser", request, world.acting(who))


@pytest.mark.parametrize("change", [change_password, change_email])
def test_a_token_ends_with_the_password_or_address_it_was_for(world, post, postbox, change):
    ada = world.register("ada")
    token = mailed_token(world, post, postbox)
    change(world, ada)
    with world.refused("RESET_TOKEN_INVALID"):
        confirm(world, token, "a third uncommon password")


def leave(world, who):
    world.call("DeleteUser", pb.DeleteUserRequest(password=PASSWORD), world.acting(who))


def sign_in(world, _who):
    world.sign_in("ada")


def make_admin(world, who):
    request = pb.UpdateUserAccessRequest(user_id=who.user.user_id, role="admin")
    world.call("UpdateUserAccess", request, world.tokens.user(uuid4(), "admin"))


@pytest.fixture
def while_mailing(postbox, monkeypatch):
    """`while_mailing(deed)`: done while the server has the mail in its hands; the outcomes."""

    def arrange(deed):
        outcomes, deliver = [], postbox.handle_DATA

        async def handle(*given):
            outcomes.append(reason_of(deed))
            return await deliver(*given)

        monkeypatch.setattr(postbox, "handle_DATA", handle)
        return outcomes

    return arrange


@pytest.mark.parametrize("deed", [sign_in, make_admin])
def test_nobody_waits_for_the_mail_server(world, post, postbox, while_mailing, deed):
    ada = world.register("ada")
    outcomes = while_mailing(lambda: deed(world, ada))
    token = mailed_token(world, post, postbox)
    assert outcomes == ["OK"]
    confirm(world, token)


@pytest.mark.parametrize("change", [change_password, change_email, leave])
def test_a_token_ends_with_what_it_was_for_while_its_mail_is_under_way(
    world, post, postbox, while_mailing, change
):
    ada = world.register("ada")
    outcomes = while_mailing(lambda: change(world, ada))
    token = mailed_token(world, post, postbox)
    assert outcomes == ["OK"]
    with world.refused("RESET_TOKEN_INVALID"):
        confirm(world, token, "a third uncommon password")


def test_no_audit_line_names_who_left_while_the_mail_was_under_way(world, post, while_mailing):
    ada = world.register("ada")
    while_mailing(lambda: leave(world, ada))
    ask(world, "ada@example.org")
    post()
    with world.database.read() as connection:
        lines = connection.execute(sa.text("select subject from audit_log")).scalars().all()
    assert lines
    assert ada.user.user_id not in lines


def test_mails_that_did_not_go_out_count_for_nothing(world, post, postbox):
    world.register("later", email="later@example.org")
    for _ in range(6):
        ask(world, "later@example.org")
    post()
    with world.database.begin() as connection:
        connection.execute(sa.text("update \"user\" set email = 'ada@example.org'"))
        connection.execute(sa.text("update job set run_after = now()"))
    post()
    assert len(postbox.delivered) == 5


def test_a_bad_new_password_is_refused_and_costs_no_token(world, post, postbox):
    world.register("ada")
    token = mailed_token(world, post, postbox)
    for password in ("short", "x" * 129, "password123"):
        with world.refused("INVALID") as refused:
            confirm(world, token, password)
        assert refused.value.errors[0]["pointer"] == "/new_password"
    confirm(world, token)


def test_nothing_tells_whether_an_address_is_known(world, post, postbox):
    world.register("ada")
    done = {}
    for email in ("ada@example.org", "nobody@example.org"):
        with world.statements() as done[email]:
            assert ask(world, email).HasField("expires_at")
    assert done["ada@example.org"] == done["nobody@example.org"], "the same work for both"
    assert post() == 2
    assert len(postbox.delivered) == 1


def test_a_name_is_no_address(world):
    world.register("ada")
    with world.refused("INVALID"):
        ask(world, "ada")


def test_nobody_is_flooded_with_mails(world, post, postbox):
    world.register("ada")
    for _ in range(8):
        ask(world, "ada@example.org")
    post()
    assert len(postbox.delivered) == 5
    world.clock.advance(minutes=61)
    mailed_token(world, post, postbox)
    assert len(postbox.delivered) == 6


def test_a_disabled_account_gets_no_mail_and_its_token_is_void(world, post, postbox):
    ada = world.register("ada")
    token = mailed_token(world, post, postbox)
    request = pb.UpdateUserAccessRequest(user_id=ada.user.user_id, status="disabled")
    world.call("UpdateUserAccess", request, world.tokens.user(uuid4(), "admin"))
    ask(world, "ada@example.org")
    post()
    assert len(postbox.delivered) == 1
    with world.refused("RESET_TOKEN_INVALID"):
        confirm(world, token)


def test_only_a_hash_is_stored_and_only_of_a_mail_that_went_out(world, post, postbox):
    world.register("later", email="later@example.org")
    world.register("ada")
    ask(world, "later@example.org")
    token = mailed_token(world, post, postbox)
    with world.database.read() as connection:
        rows = connection.execute(sa.text("select token_hash from password_reset")).scalars().all()
        jobs = connection.execute(sa.text("select row_to_json(job)::text from job")).scalars().all()
    assert len(rows) == 1
    assert token.encode() not in bytes(rows[0])
    assert not any(token in job or "ada@" in job for job in jobs)
    waiting = [job for job in jobs if '"queued"' in job]
    assert len(waiting) == 1, "the refused mail is tried again"
