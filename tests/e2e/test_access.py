"""Nothing of one person is read or changed by another: every REST operation, every RPC."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, cast
from uuid import uuid4

import grpc
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from running_suite import CHECKOUT, Person, Suite, eventually

from chassis.identity import service_token
from chassis.rpc.statuses import refusal_from
from marquee.policy.v1 import policy_pb2 as policy

pytestmark = pytest.mark.e2e

SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")
DOCUMENT = json.loads((CHECKOUT / "gateway" / "openapi.json").read_text())
_PRINT_KEY = """
from launcher.settings import read_settings
from launcher.state import State
print(State(read_settings().state).secret("internal_key"))
"""


@dataclass(frozen=True)
class Owned:
    """Somebody's things, by the names in which paths and requests ask for them."""

    person: Person
    ids: dict[str, Any]
    private: tuple[str, ...]
    """Words that nobody else may ever read."""

    def state(self) -> dict[str, Any]:
        """All that is held on them, but for what reading and being asked about leaves behind."""
        document = self.person.api.get("/me/export").json()
        volatile = ("audit_log", "activity", "counted_in", "exported_at")
        kept = {name: part for name, part in document.items() if name not in volatile}
        for sections in (part for part in kept.values() if isinstance(part, dict)):
            for name in volatile:
                sections.pop(name, None)
        return kept


@pytest.fixture(scope="module")
def owned(suite: Suite) -> Owned:
    """A person who shows nothing to anybody, with one of everything."""
    person, mark = suite.person(), f"secret{uuid4().hex}"
    api = person.api
    hidden = {"profile_visibility": "private"}
    assert api.patch("/me/preferences", json=hidden).status_code == 200
    assert api.patch("/me/profile", json={"bio": mark}).status_code == 200
    offer = person.own_page(page_size=5)["items"][0]
    movie_id = offer["movie"]["movie_id"]
    assert api.put(f"/me/ratings/{movie_id}", json={"rating": 4.5}).status_code == 201
    assert api.put(f"/me/favorites/{movie_id}").status_code == 201
    assert api.put(f"/me/watchlist/{movie_id}", json={"note": mark}).status_code == 201
    assert api.put(f"/me/hidden/{movie_id}", json={"reason": "seen"}).status_code == 201
    made = api.post("/me/lists", json={"name": mark, "visibility": "private"})
    assert made.status_code == 201
    list_id = made.json()["list_id"]
    assert api.put(f"/lists/{list_id}/movies/{movie_id}").status_code == 201
    file = {"file": (f"{mark}.csv", f"Date,Name,Year,Rating\n2020-05-01,{mark},2000,4\n")}
    begun = api.post("/me/imports", files=file, data={"source": "letterboxd"})
    assert begun.status_code == 202, begun.text
    import_id = begun.json()["import_id"]
    eventually(lambda: api.get(f"/me/imports/{import_id}").json()["state"] == "done")
    user_id = person.tokens["user"]["user_id"]
    ids = {
        "user_id": user_id,
        "username": person.username,
        "list_id": list_id,
        "import_id": import_id,
        "movie_id": movie_id,
        "session_id": api.get("/me/sessions").json()["items"][0]["session_id"],
        "recommendation_id": offer["recommendation_id"],
    }
    eventually(lambda: len(api.get("/me/activity").json()["items"]) >= 4)
    owned = Owned(person, ids, (mark, user_id, person.email))
    eventually(lambda: owned.state() == owned.state())
    return owned


def told(reply: httpx.Response) -> str:
    """What an answer says beyond the path it was asked for."""
    try:
        document = reply.json()
    except ValueError:
        return reply.text
    if isinstance(document, dict):
        document.pop("instance", None)
    return json.dumps(document)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def sample(schema: dict[str, Any]) -> Any:
    """A value that a schema allows."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return sample(DOCUMENT["components"]["schemas"][name])
    given = [*schema.get("examples", ()), *schema.get("enum", ()), schema.get("const")]
    if given[0] is not None:
        return given[0]
    for key in ("anyOf", "allOf", "oneOf"):
        if key in schema:
            return sample(schema[key][0])
    if schema.get("type") == "object":
        return {name: sample(one) for name, one in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return []
    plain = {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": True}
    return plain.get(schema.get("type", ""), "x" * max(1, schema.get("minLength", 1)))


def asked(client: httpx.Client, path: str, verb: str, operation: dict[str, Any], ids: Any) -> Any:
    """Call an operation, of those things where its path names any."""
    url = path.removeprefix("/api/v1")
    for name in [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]:
        url = url.replace("{" + name + "}", str(ids.get(name, uuid4())))
    query = {
        one["name"]: ids.get(one["name"]) or sample(one["schema"])
        for one in operation.get("parameters", ())
        if one["in"] == "query" and (one.get("required") or one["name"] in ids)
    }
    content = operation.get("requestBody", {}).get("content", {})
    more: dict[str, Any] = {}
    if "application/json" in content:
        more["json"] = sample(content["application/json"]["schema"])
    elif "application/x-www-form-urlencoded" in content:
        more["data"] = sample(content["application/x-www-form-urlencoded"]["schema"])
    if path.startswith("/.well-known"):
        return client.request(verb, str(client.base_url).replace("/api/v1/", path), **more)
    with client.stream(verb, url, params=query, **more) as reply:
        if reply.headers.get("content-type", "").startswith("text/event-stream"):
            return httpx.Response(reply.status_code, headers=reply.headers, request=reply.request)
        reply.read()
        return reply


def personal(path: str) -> bool:
    return path.startswith(("/api/v1/me", "/api/v1/admin"))


def test_another_person_reads_and_changes_nothing_at_the_gateway(
    suite: Suite, owned: Owned
) -> None:
    before, other = owned.state(), suite.person()
    for path, verb, operation in operations():
        reply = asked(other.api, path, verb, operation, owned.ids)
        name = operation["operationId"]
        assert reply.status_code < 500, (name, reply.status_code, reply.text)
        assert not [word for word in owned.private if word in told(reply)], name
        if path.startswith("/api/v1/admin"):
            assert reply.status_code == 403, name
        things = {"{list_id}", "{import_id}", "{session_id}", "{recommendation_id}"}
        if things & set(path.split("/")):
            assert reply.status_code in (404, 422), (name, reply.status_code)
    assert owned.state() == before


def test_strangers_and_bad_tokens_are_let_in_nowhere(
    suite: Suite, owned: Owned, bad_tokens: dict[str, str]
) -> None:
    before = owned.state()
    with suite.client() as stranger:
        for path, verb, operation in operations():
            reply = asked(stranger, path, verb, operation, owned.ids)
            assert not [word for word in owned.private if word in told(reply)], path
            assert not personal(path) or reply.status_code == 401, path
    for kind, token in bad_tokens.items():
        with suite.client(token) as client:
            for path, verb, operation in operations():
                if personal(path):
                    reply = asked(client, path, verb, operation, owned.ids)
                    assert reply.status_code == 401, (kind, verb, path)
    assert owned.state() == before


@pytest.fixture(scope="module")
def key(suite: Suite) -> str:
    """What service tokens are signed with."""
    return suite.command("python", "-c", _PRINT_KEY).stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def bad_tokens(suite: Suite, owned: Owned, key: str) -> dict[str, str]:
    """Tokens that say they are the person's, and are not good."""
    good = owned.person.tokens["access_token"]
    header = {"kid": jwt.get_unverified_header(good)["kid"]}
    claims = unverified(good)
    signature = good.rpartition(".")[2]
    flipped = good.removesuffix(signature) + signature[:-4] + signature[:4]
    admin = {**claims, "role": "admin"}

    def mint(**more: Any) -> str:
        return minted(suite, {**claims, **more})

    gone = suite.person()
    erasing = gone.api.request("DELETE", "/me", json={"password": gone.password})
    assert erasing.status_code == 202
    return {
        "of somebody erased": mint(sub=gone.tokens["user"]["user_id"], sid=str(uuid4())),
        "forged": jwt.encode(admin, Ed25519PrivateKey.generate(), "EdDSA", headers=header),
        "unsigned": jwt.encode(claims, "", "none", headers=header),
        "symmetric": jwt.encode(claims, "k" * 32, "HS256", headers=header),
        "tampered": flipped,
        "expired": mint(iat=int(time.time()) - 900, exp=int(time.time()) - 60),
        "for somebody else": mint(aud="another-audience"),
        "without an end": mint(exp=None),
        "a service's": service_token(key, "gateway", datetime.now(UTC)),
    }


def unverified(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def minted(suite: Suite, claims: dict[str, Any]) -> str:
    done = suite.command("mint-token", json.dumps(claims))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def methods(service: str) -> Iterator[MethodDescriptor]:
    module: Any = import_module(f"marquee.{service}.v1.{service}_pb2")
    for described in module.DESCRIPTOR.services_by_name.values():
        yield from described.methods


def access_of(method: MethodDescriptor) -> str:
    extension: Any = policy.access
    return policy.Access.Name(method.GetOptions().Extensions[extension])


def request_about(method: MethodDescriptor, ids: dict[str, Any]) -> Message:
    """A request that names the person's things wherever it can."""
    request = GetMessageClass(method.input_type)()
    for field in method.input_type.fields:
        value = ids.get(field.name, ids.get(field.name.removesuffix("s")))
        if value is None or field.type == FieldDescriptor.TYPE_MESSAGE:
            continue
        if field.name in ids:
            setattr(request, field.name, value)
        else:
            getattr(request, field.name).append(value)
    return request


def call(channel: grpc.Channel, method: MethodDescriptor, request: Message, metadata: Any) -> Any:
    """The answer, or the name of the refusal."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    answer: Any = GetMessageClass(method.output_type)
    invoke = channel.unary_unary(
        path,
        request_serializer=lambda message: cast(Message, message).SerializeToString(),
        response_deserializer=answer.FromString,
    )
    try:
        return invoke(request, timeout=10, metadata=metadata)
    except grpc.RpcError as error:
        refused: Any = error
        trailer = refused.trailing_metadata()
        return refusal_from(refused.code(), refused.details(), trailer).reason


def _refused(channel: grpc.Channel, method: MethodDescriptor, tokens: Iterable[str]) -> bool:
    request = request_about(method, {})
    answers = {call(channel, method, request, [bearer(token)]) for token in tokens}
    return answers == {"UNAUTHENTICATED"}


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_rpc_lets_in_whom_the_policy_names_and_tells_them_nothing_of_others(
    suite: Suite, owned: Owned, key: str, bad_tokens: dict[str, str], service: str
) -> None:
    before, other = owned.state(), suite.person()
    port = suite.processes()[f"{service}.serve"]["port"]
    own = service_token(key, "gateway", datetime.now(UTC))
    false = service_token("k" * 40, "gateway", datetime.now(UTC))
    as_service = ("x-service-authorization", f"Bearer {own}")
    person = bearer(other.tokens["access_token"])
    bad = [[bearer(token)] for token in bad_tokens.values()]
    bad += [[person, ("x-service-authorization", f"Bearer {false}")]]
    bad += [[("x-service-authorization", person[1])]]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        first = next(methods(service))
        eventually(lambda: _refused(channel, first, bad_tokens.values()))  # the event travels
        for method in methods(service):
            access, request = access_of(method), request_about(method, owned.ids)
            name = method.full_name
            for metadata in bad:
                refused = call(channel, method, request, metadata)
                assert refused == "UNAUTHENTICATED", (name, metadata)
            let_in = {
                "nobody": access == "ACCESS_PUBLIC",
                "person": access in PERSON,
                "service": access in SERVICE,
                "both": access in PERSON | (SERVICE - {"ACCESS_ADMIN_OR_SERVICE"}),
            }
            metadata = {
                "nobody": [],
                "person": [person],
                "service": [as_service],
                "both": [person, as_service],
            }
            for who, allowed in let_in.items():
                if allowed and access in SERVICE:
                    continue  # it may: what services are told is theirs to keep
                answer = call(channel, method, request, metadata[who])
                denied = answer in ("UNAUTHENTICATED", "DENIED")
                assert denied is not allowed, (name, who, answer)
                assert not [word for word in owned.private if word in str(answer)], (name, who)
    assert owned.state() == before


PERSON = {"ACCESS_PUBLIC", "ACCESS_USER", "ACCESS_USER_OR_SERVICE"}
SERVICE = {
    "ACCESS_PUBLIC", "ACCESS_SERVICE", "ACCESS_USER_OR_SERVICE", "ACCESS_ADMIN_OR_SERVICE",
}  # fmt: skip


ASKED = {
    **dict.fromkeys(("users", "interactions", "recommender", "analytics"), "ExportPersonalData"),
    "catalog": "ListGenres",
}


def test_a_disabled_account_is_let_in_by_nobody_until_it_is_enabled(suite: Suite) -> None:
    person = suite.person()
    user_id = person.tokens["user"]["user_id"]
    token = minted(suite, {"sub": user_id, "sid": str(uuid4()), "role": "user"})
    ports = {name: one["port"] for name, one in suite.processes().items()}
    holding = [ports[f"{name}.serve"] for name in ASKED]
    with suite.admin() as admin, suite.client(token) as client, ExitStack() as stack:
        channels = [
            stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}")) for port in holding
        ]

        def let_in() -> set[bool]:
            answers = [
                call(channel, asked, request_about(asked, {}), [bearer(token)])
                for channel, asked in zip(channels, _asked(), strict=True)
            ]
            there = [answer != "UNAUTHENTICATED" for answer in answers]
            return {*there, client.get("/me").status_code == 200}

        for status, expected in (("disabled", {False}), ("active", {True})):
            changed = admin.patch(f"/admin/users/{user_id}", json={"status": status})
            assert changed.status_code == 200
            eventually(lambda expected=expected: let_in() == expected)


def _asked() -> list[MethodDescriptor]:
    return [
        method
        for service, name in ASKED.items()
        for method in methods(service)
        if method.name == name
    ]


def test_no_header_and_no_spelling_gains_a_guess(suite: Suite) -> None:
    person = suite.person()
    spellings = [person.username, person.username.upper(), person.email, person.email.upper()]
    headers = [
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Forwarded-For": "203.0.113.8, 127.0.0.1"},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Real-Ip": "203.0.113.10"},
        {"X-User-Id": person.tokens["user"]["user_id"]},
    ]
    with suite.client() as stranger:
        statuses = [
            stranger.post(
                "/auth/token",
                data={
                    "grant_type": "password",
                    "username": spellings[number % len(spellings)],
                    "password": f"guess number {number}",
                },
                headers=headers[number % len(headers)],
            ).status_code
            for number in range(12)
        ]
    suite.command("reset-limits")
    assert statuses == [400] * 10 + [429] * 2


def test_a_refresh_token_used_twice_ends_the_session_and_its_access_tokens(suite: Suite) -> None:
    person = suite.person()
    form = {"grant_type": "refresh_token", "refresh_token": person.tokens["refresh_token"]}
    with suite.client() as stranger:
        tokens = stranger.post("/auth/token", data=form).json()
        with suite.client(tokens["access_token"]) as successor:
            assert successor.get("/me").status_code == 200
            assert stranger.post("/auth/token", data=form).status_code == 400
            eventually(lambda: successor.get("/me").status_code == 401, within=5)
        again = {**form, "refresh_token": tokens["refresh_token"]}
        assert stranger.post("/auth/token", data=again).status_code == 400
