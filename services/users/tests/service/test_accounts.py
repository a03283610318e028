"""Changing accounts: one's own, and others' as an admin."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.tables import outbox
from marquee.users.v1 import users_pb2 as pb
from users.store import accounts

PASSWORD = "a quite uncommon password"


@pytest.fixture
def ada(world):
    return world.register("ada")


@pytest.fixture
def admin(world):
    return world.tokens.user(uuid4(), "admin")


def change(world, who, etag="", password="", **values):
    request = pb.UpdateUserRequest(
        user=pb.User(**values),
        update_mask=FieldMask(paths=list(values)),
        etag=etag,
        password=password,
    )
    return world.call("UpdateUser", request, world.acting(who)).user


def access(world, metadata, who, **values):
    request = pb.UpdateUserAccessRequest(user_id=who.user.user_id, **values)
    return world.call("UpdateUserAccess", request, metadata).user


def test_a_username_changes_and_frees_the_old_one(world, ada):
    assert change(world, ada, username="Countess").username == "Countess"
    assert world.sign_in("countess").user.user_id == ada.user.user_id
    world.register("ada", email="another@example.org")


def test_the_address_changes_with_the_password_only(world, ada):
    for password in ("", "wrong"):
        with world.refused("WRONG_PASSWORD"):
            change(world, ada, password=password, email="new@example.org")
    assert change(world, ada, password=PASSWORD, email="new@example.org").email == "new@example.org"


UNMAILABLE = ["jürgen@example.org", "a..b@example.org", ".a@example.org", "a.@example.org"]


@pytest.mark.parametrize("email", UNMAILABLE)
def test_an_address_no_mail_goes_to_is_refused_wherever_it_is_given(world, ada, email):
    for refused_call in (
        lambda: world.register("ben", email=email),
        lambda: change(world, ada, password=PASSWORD, email=email),
        lambda: world.call("RequestPasswordReset", pb.RequestPasswordResetRequest(email=email)),
    ):
        with world.refused("INVALID") as refused:
            refused_call()
        assert [one["pointer"] for one in refused.value.facts["errors"]] == ["/email"]


def test_who_has_an_address_no_mail_goes_to_still_signs_in(world, ada):
    with world.database.begin() as connection:  # as accounts of before could be
        connection.execute(
            sa.text("update \"user\" set email = 'a..b@x.org', email_key = 'a..b@x.org'")
        )
    assert world.sign_in("a..b@x.org").user.user_id == ada.user.user_id
    assert change(world, ada, username="countess").email == "a..b@x.org"


@pytest.mark.parametrize(
    ("meanwhile", "asked"),
    [
        ({"password_hash": "another"}, {"email": "eve@example.org", "password": PASSWORD}),
        ({"email": "new@example.org"}, {"email": "ada@example.org"}),
    ],
)
def test_an_address_is_not_changed_by_what_was_good_a_moment_ago(world, ada, meanwhile, asked):
    user_id = UUID(ada.user.user_id)
    with ThreadPoolExecutor(1) as pool:
        with world.database.begin() as connection:
            accounts.locked_account(connection, user_id)
            changing = pool.submit(change, world, ada, **asked)
            world.until_blocked()
            kept = accounts.update_account(connection, user_id, meanwhile, world.clock())
        with world.refused("ETAG_MISMATCH"):
            changing.result()
    assert world.call("GetUser", pb.GetUserRequest(), world.acting(ada)).user.email == kept.email


def test_anothers_name_and_address_stay_theirs(world, ada):
    world.register("grace")
    with world.refused("USERNAME_TAKEN"):
        change(world, ada, username="GRACE")
    with world.refused("EMAIL_TAKEN"):
        change(world, ada, password=PASSWORD, email="GRACE@example.org")
    assert change(world, ada, username="ADA").username == "ADA"


def test_a_stale_account_and_an_unknown_field_are_refused(world, ada):
    change(world, ada, ada.user.etag, username="ada2")
    with world.refused("ETAG_MISMATCH"):
        change(world, ada, ada.user.etag, username="ada3")
    with world.refused("INVALID"):
        change(world, ada, role="admin")


def test_a_person_sees_only_their_own_account(world, ada):
    grace = world.register("grace")
    for who in (ada, grace):
        found = world.call("GetUser", pb.GetUserRequest(), world.acting(who)).user
        assert found.user_id == who.user.user_id
    with world.refused("USER_NOT_FOUND"):
        world.call("GetUser", pb.GetUserRequest(), world.tokens.user(uuid4()))


ADMINISTRATION = [
    ("ListUsers", pb.ListUsersRequest()),
    ("ListAuditEntries", pb.ListAuditEntriesRequest()),
    ("UpdateUserAccess", pb.UpdateUserAccessRequest(user_id=str(uuid4()), role="admin")),
]
SERVICES = [
    ("Register", pb.RegisterRequest()),
    ("SignIn", pb.SignInRequest()),
    ("RefreshSession", pb.RefreshSessionRequest()),
    ("RevokeToken", pb.RevokeTokenRequest()),
    ("GetPreferencesOf", pb.GetPreferencesOfRequest()),
    ("BatchGetConsent", pb.BatchGetConsentRequest()),
    ("BatchGetUsers", pb.BatchGetUsersRequest()),
    ("ListDisabledUsers", pb.ListDisabledUsersRequest()),
    ("BatchCreateUsers", pb.BatchCreateUsersRequest()),
]


@pytest.mark.parametrize(("method", "request_message"), ADMINISTRATION)
def test_administration_is_for_admins(world, ada, method, request_message):
    with world.refused("DENIED"):
        world.call(method, request_message, world.acting(ada))
    with world.refused("UNAUTHENTICATED"):
        world.call(method, request_message, [])


@pytest.mark.parametrize(("method", "request_message"), SERVICES)
def test_what_services_ask_is_for_services(world, ada, method, request_message):
    alone = [one for one in world.acting(ada) if one[0] == "authorization"]
    with world.refused("DENIED"):
        world.call(method, request_message, alone)
    with world.refused("UNAUTHENTICATED"):
        world.call(method, request_message, [])


def test_a_disabled_person_is_out_at_once_and_may_come_back(world, ada, admin):
    assert access(world, admin, ada, status="disabled").status == "disabled"
    with world.refused("INVALID_GRANT"):
        world.refresh(ada.tokens.refresh_token)
    with world.refused("INVALID_GRANT"):
        world.sign_in("ada")
    with world.refused("PROFILE_NOT_FOUND"):
        world.call("GetPublicProfile", pb.GetPublicProfileRequest(username="ada"))
    assert [str(one) for one in world.revoked] == [ada.tokens.session_id]
    access(world, admin, ada, status="active")
    world.sign_in("ada")


def test_services_are_told_who_is_disabled_by_pages_and_of_which_version(world, admin):
    people = [world.register(name) for name in ("ada", "grace", "hedy")]
    for who in people:
        access(world, admin, who, status="disabled")
    access(world, admin, people[1], status="active")
    with world.database.read() as connection:
        facts = connection.execute(
            sa.select(outbox.c.aggregate_id, outbox.c.aggregate_version)
            .where(outbox.c.type == "marquee.users.v1.UserAccessChanged")
            .order_by(outbox.c.aggregate_version)
        )
        told = {fact.aggregate_id: fact.aggregate_version for fact in facts}

    listed, token = [], ""
    for _page in people[::2]:
        request = pb.ListDisabledUsersRequest(page_size=1, page_token=token)
        reply = world.call("ListDisabledUsers", request)
        listed += [(one.user_id, one.version) for one in reply.users]
        token = reply.next_page_token
    assert listed == [(who.user.user_id, told[who.user.user_id]) for who in people[::-2]]
    assert not token


def test_a_role_changes_with_the_next_session(world, ada, admin):
    assert access(world, admin, ada, role="admin").role == "admin"
    with world.refused("INVALID_GRANT"):
        world.refresh(ada.tokens.refresh_token)
    assert world.sign_in("ada").user.role == "admin"
    request = pb.ListAuditEntriesRequest(action="user.role_changed")
    (entry,) = world.call("ListAuditEntries", request, admin).entries
    assert entry.subject == ada.user.user_id
    assert entry.details_json == '{"from": "user", "to": "admin"}'


def test_the_last_admin_remains(world, ada, admin):
    access(world, admin, ada, role="admin")
    for values in ({"role": "user"}, {"status": "disabled"}):
        with world.refused("LAST_ADMIN"):
            access(world, admin, ada, **values)
    grace = world.register("grace")
    access(world, admin, grace, role="admin")
    access(world, admin, ada, role="user")


@pytest.mark.parametrize("values", [{}, {"role": "root"}, {"status": "gone"}])
def test_access_is_changed_to_something_there_is(world, ada, admin, values):
    with world.refused("INVALID"):
        access(world, admin, ada, **values)


def test_users_are_searched_and_paged(world, admin):
    for name in ("ada", "grace", "ada_b", "adaXb"):
        world.register(name)
    found, token = [], ""
    while True:
        request = pb.ListUsersRequest(query="ADA_", page_size=1, page_token=token)
        page = world.call("ListUsers", request, admin)
        found += [one.username for one in page.users]
        token = page.next_page_token
        if not token:
            break
    assert found == ["ada_b"]
    everyone = world.call("ListUsers", pb.ListUsersRequest(page_size=2), admin)
    assert [one.username for one in everyone.users] == ["adaXb", "ada_b"]
    with world.refused("INVALID"):
        request = pb.ListUsersRequest(query="x", page_token=everyone.next_page_token)
        world.call("ListUsers", request, admin)
