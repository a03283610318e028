"""Who may call what, decided by the contract's option and the caller's tokens."""

import uuid

import grpc
import pytest

from chassis import identity


def outcome(ask, channel, method: str, metadata) -> str:
    try:
        ask(channel, method, metadata=metadata)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


@pytest.mark.parametrize(
    ("method", "nobody", "user", "admin", "service"),
    [
        ("Public", "OK", "OK", "OK", "OK"),
        ("User", "UNAUTHENTICATED", "OK", "OK", "PERMISSION_DENIED"),
        ("Admin", "UNAUTHENTICATED", "PERMISSION_DENIED", "OK", "PERMISSION_DENIED"),
        ("Service", "UNAUTHENTICATED", "PERMISSION_DENIED", "PERMISSION_DENIED", "OK"),
        ("UserOrService", "UNAUTHENTICATED", "OK", "OK", "OK"),
        ("AdminOrService", "UNAUTHENTICATED", "PERMISSION_DENIED", "OK", "OK"),
        (
            "Undeclared",
            "UNAUTHENTICATED",
            "PERMISSION_DENIED",
            "PERMISSION_DENIED",
            "PERMISSION_DENIED",
        ),
    ],
)
def test_the_policy_decides_who_may_call(
    echo, running, ask, tokens, method, nobody, user, admin, service
):
    channel = running(echo(str)).channel
    person = [("authorization", f"Bearer {tokens.access_token(uuid.uuid4())}")]
    chief = [("authorization", f"Bearer {tokens.access_token(uuid.uuid4(), 'admin')}")]
    assert outcome(ask, channel, method, []) == nobody
    assert outcome(ask, channel, method, person) == user
    assert outcome(ask, channel, method, chief) == admin
    assert outcome(ask, channel, method, tokens.service("gateway")) == service


def test_a_service_lends_an_ordinary_person_nothing(echo, running, ask, tokens):
    channel = running(echo(str)).channel
    through_the_gateway = tokens.user(uuid.uuid4())
    assert outcome(ask, channel, "AdminOrService", through_the_gateway) == "PERMISSION_DENIED"
    assert outcome(ask, channel, "Admin", through_the_gateway) == "PERMISSION_DENIED"


def test_the_caller_is_the_person_and_the_service_in_between(echo, running, ask, tokens):
    user_id = uuid.uuid4()

    def who(_text: str) -> str:
        caller = identity.require_user()
        return f"{caller.user_id} {caller.role} {caller.service}"

    channel = running(echo(who)).channel
    assert ask(channel, "User", metadata=tokens.user(user_id)) == f"{user_id} user gateway"


def test_the_caller_of_one_call_is_forgotten_by_the_next(echo, running, ask, tokens):
    channel = running(echo(lambda _text: identity.current().role)).channel
    roles = [ask(channel, "Public", metadata=tokens.user(role="admin")) for _ in range(8)]
    roles += [ask(channel, "Public") for _ in range(8)]
    assert roles == ["admin"] * 8 + ["anonymous"] * 8


def test_a_bad_token_is_refused_even_where_none_is_needed(echo, running, ask, tokens):
    channel = running(echo(str)).channel
    service = tokens.service("gateway")[0][1]
    for metadata in (
        [("authorization", "Bearer nonsense")],
        [("authorization", "Basic dXNlcjpwYXNz")],
        [("authorization", service)],
        [("x-service-authorization", f"Bearer {tokens.access_token(uuid.uuid4())}")],
        [("x-service-authorization", "Bearer nonsense")],
    ):
        assert outcome(ask, channel, "Public", metadata) == "UNAUTHENTICATED"


def test_a_revoked_session_is_refused_though_its_token_was_just_accepted(
    echo, running, ask, tokens
):
    channel = running(echo(str)).channel
    session_id, user_id = uuid.uuid4(), uuid.uuid4()
    metadata = tokens.user(user_id, session_id=session_id)
    assert outcome(ask, channel, "User", metadata) == "OK"
    tokens.revoked.add(session_id)
    assert outcome(ask, channel, "User", metadata) == "UNAUTHENTICATED"
    tokens.revoked.discard(session_id)
    tokens.revoked.add(user_id)
    assert outcome(ask, channel, "User", metadata) == "UNAUTHENTICATED"
