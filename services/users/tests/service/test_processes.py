"""The commands and the served process, as operators run them."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import jwt
import pytest

from chassis.identity import service_token
from chassis.testing import eventually
from marquee.users.v1 import users_pb2 as pb
from marquee.users.v1.users_pb2_grpc import UsersServiceStub

INTERNAL_KEY = "the processes of this test share it"
PASSWORD = "a quite uncommon password"


@pytest.fixture
def environment(database_url_for, redis_streams_url, redis_cache_url):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return {
        **os.environ,
        "DATABASE_URL": database_url_for("users"),
        "REDIS_STREAMS_URL": redis_streams_url,
        "REDIS_CACHE_URL": redis_cache_url,
        "INTERNAL_KEY": INTERNAL_KEY,
        "SIGNING_KEY_SECRET": "s" * 32,
        "DRAIN_SECONDS": "0",
        "GRPC_LISTEN": f"127.0.0.1:{port}",
        "USER_PASSWORD": PASSWORD,
    }


@contextmanager
def process(environment, command):
    started = subprocess.Popen([sys.executable, "-m", "users", command], env=environment)
    try:
        yield started
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0
    finally:
        started.kill()
        started.wait()


@pytest.fixture
def served(environment):
    with process(environment, "serve"), grpc.insecure_channel(environment["GRPC_LISTEN"]) as one:
        grpc.channel_ready_future(one).result(timeout=60)
        yield UsersServiceStub(one)


def users(environment, *arguments, code=0):
    ran = subprocess.run(
        [sys.executable, "-m", "users", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    return ran.stdout.strip() if code == 0 else ran.stderr


def metadata(access_token=""):
    token = service_token(INTERNAL_KEY, "gateway", datetime.now(UTC))
    own = [("authorization", f"Bearer {access_token}")] if access_token else []
    return [*own, ("x-service-authorization", f"Bearer {token}")]


def sign_in(stub, login):
    request = pb.SignInRequest(login=login, password=PASSWORD)
    return stub.SignIn(request, timeout=10, metadata=metadata())


def get_user(stub, access_token):
    return stub.GetUser(pb.GetUserRequest(), timeout=10, metadata=metadata(access_token)).user


def code(stub, access_token):
    with pytest.raises(grpc.RpcError) as refused:
        get_user(stub, access_token)
    return refused.value.code().name


def ended(stub, access_token):
    try:
        get_user(stub, access_token)
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.UNAUTHENTICATED
    return False


ADMIN = ("--username", "root-1", "--email", "root@example.org", "--role", "admin")


def test_an_ensured_user_signs_in_and_is_out_after_logging_out(environment, served):
    user_id = users(environment, "ensure-user", *ADMIN)
    assert users(environment, "ensure-user", *ADMIN) == user_id
    signed_in = sign_in(served, "root-1")
    token = signed_in.tokens.access_token
    assert get_user(served, token).role == "admin"
    request = pb.RevokeTokenRequest(token=signed_in.tokens.refresh_token)
    served.RevokeToken(request, timeout=10, metadata=metadata())
    assert code(served, token) == "UNAUTHENTICATED"


def test_another_replica_hears_of_a_log_out(environment, served):
    users(environment, "ensure-user", *ADMIN)
    tokens = sign_in(served, "root-1").tokens
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        elsewhere = {**environment, "GRPC_LISTEN": f"127.0.0.1:{probe.getsockname()[1]}"}
    with (
        process(elsewhere, "serve"),
        process(environment, "background"),
        grpc.insecure_channel(elsewhere["GRPC_LISTEN"]) as channel,
    ):
        grpc.channel_ready_future(channel).result(timeout=60)
        other = UsersServiceStub(channel)
        assert get_user(other, tokens.access_token).username == "root-1"
        request = pb.RevokeTokenRequest(token=tokens.access_token)
        served.RevokeToken(request, timeout=10, metadata=metadata())
        eventually(lambda: ended(other, tokens.access_token), within=20)


def test_rotation_at_once_logs_nobody_out(environment, served):
    users(environment, "ensure-user", *ADMIN)
    token = sign_in(served, "root-1").tokens.access_token
    new_key_id = users(environment, "rotate-keys", "--now").split()[0]
    minted = users(environment, "mint-token", json.dumps(jwt_claims(token)))
    assert jwt.get_unverified_header(minted)["kid"] == new_key_id
    assert eventually(lambda: get_user(served, token).username) == "root-1"
    assert eventually(lambda: not ended(served, minted))


def jwt_claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_is_minted_with_just_the_claims_given(environment, served):
    usual = {"sub": str(uuid4()), "sid": str(uuid4()), "role": "user"}
    assert code(served, users(environment, "mint-token", json.dumps(usual))) == "NOT_FOUND"
    wrong = users(environment, "mint-token", json.dumps(usual | {"exp": None, "aud": "others"}))
    claims = jwt_claims(wrong)
    assert claims == usual | {"iss": "marquee", "aud": "others", "iat": claims["iat"]}
    assert code(served, wrong) == "UNAUTHENTICATED"


def test_commands_complain_in_one_line(environment):
    assert "usage" in users(environment, "mint-token", "[]", code=2)
    environment["USER_PASSWORD"] = "password"
    assert "common" in users(environment, "ensure-user", *ADMIN, code=1)
    environment["SIGNING_KEY_SECRET"] = "short"
    assert "SIGNING_KEY_SECRET" in users(environment, "rotate-keys", code=2)
    assert "s" * 32 not in users(environment, "settings", code=2)
