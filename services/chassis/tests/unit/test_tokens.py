"""Tokens: whose they are, and which are refused."""

import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.errors import Unauthenticated, Unavailable
from chassis.identity import ServiceTokens, SigningKeys, TokenVerifier, service_token

INTERNAL_KEY = "k" * 32


@pytest.fixture
def refuses(tokens):
    def check(token: str) -> bool:
        try:
            tokens.verifier().verify(token)
        except Unauthenticated:
            return True
        return False

    return check


def test_an_access_token_names_person_session_and_role(tokens):
    user_id, session_id = uuid.uuid4(), uuid.uuid4()
    token = tokens.access_token(user_id, "admin", session_id=session_id)
    caller = tokens.verifier().verify(token)
    assert (caller.user_id, caller.session_id) == (user_id, session_id)
    assert (caller.role, caller.service) == ("admin", None)


def test_a_token_of_somebody_erased_is_refused_in_whatever_session(tokens):
    erased, other = uuid.uuid4(), uuid.uuid4()
    verifier = TokenVerifier(
        keys=lambda: tokens.keys,
        internal_key=INTERNAL_KEY,
        revoked=lambda _id: False,
        erased=lambda user_id: user_id == erased,
    )
    assert verifier.verify(tokens.access_token(other)).user_id == other
    with pytest.raises(Unauthenticated):
        verifier.verify(tokens.access_token(erased, session_id=uuid.uuid4()))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_000_000_000},
        {"iat": 4_102_444_800},
        {"iss": "elsewhere"},
        {"aud": "marquee-internal"},
        {"aud": None},
        {"sub": "not-a-uuid"},
        {"sub": ""},
        {"sid": 7},
        {"sid": None},
        {"role": "service"},
        {"role": ["admin"]},
        {"role": "root"},
        {"exp": "soon"},
        {"exp": 1e400},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused(tokens, refuses, claims):
    assert refuses(tokens.access_token(uuid.uuid4(), **claims))


def test_forged_tokens_are_refused(tokens, refuses):
    good = tokens.access_token(uuid.uuid4())
    claims = jwt.decode(good, options={"verify_signature": False})
    public = tokens.keys["test"]
    stranger = Ed25519PrivateKey.generate()
    headers = {"kid": "test"}
    assert refuses(jwt.encode(claims, stranger, algorithm="EdDSA", headers=headers))
    assert refuses(jwt.encode(claims, stranger, algorithm="EdDSA", headers={"kid": "other"}))
    assert refuses(jwt.encode(claims, public.ljust(32), algorithm="HS256", headers=headers))
    assert refuses(jwt.encode(claims, "", algorithm="none", headers=headers))
    assert refuses(good[:-4] + "AAAA")
    assert refuses(good + "x" * 5000)
    assert refuses("")
    assert refuses("a.b.c")
    assert refuses("ü.ü.ü")


def test_a_service_token_names_the_service_and_lives_five_minutes(tokens):
    now = datetime.now(UTC)
    caller = tokens.verifier().verify(service_token(tokens.internal_key, "catalog", now))
    assert (caller.role, caller.service, caller.user_id) == ("service", "catalog", None)
    old = service_token(tokens.internal_key, "catalog", now - timedelta(seconds=310))
    with pytest.raises(Unauthenticated, match="expired"):
        tokens.verifier().verify(old)
    with pytest.raises(Unauthenticated):
        tokens.verifier().verify(service_token("x" * 32, "catalog", now))


def test_a_service_token_is_minted_again_before_it_expires():
    clock = [datetime.now(UTC)]
    tokens = ServiceTokens(INTERNAL_KEY, "catalog", lambda: clock[0])
    first = tokens.token()
    clock[0] += timedelta(seconds=149)
    assert tokens.token() == first
    clock[0] += timedelta(seconds=2)
    assert tokens.token() != first


class Signer:
    """A signer whose keys the test changes."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.asked = 0
        self.down = False

    def __call__(self) -> dict[str, bytes]:
        self.asked += 1
        if self.down:
            raise Unavailable("the signer is down")
        return self.keys


def test_keys_are_fetched_when_needed_and_outlive_their_signer(tokens):
    signer = Signer()
    signer.keys = dict(tokens.keys)
    keys = SigningKeys(signer)
    assert not keys.known
    verifier = TokenVerifier(keys=keys, internal_key=INTERNAL_KEY, revoked=lambda _id: False)
    verifier.verify(tokens.access_token(uuid.uuid4()))
    signer.down = True
    verifier.verify(tokens.access_token(uuid.uuid4()))
    assert keys.known
    assert signer.asked == 1


def test_unknown_keys_ask_the_signer_at_most_once_a_second(tokens):
    signer = Signer()
    signer.keys = dict(tokens.keys)
    keys = SigningKeys(signer)
    assert [keys.get(f"made-up-{number}") for number in range(100)] == [None] * 100
    assert signer.asked == 1


def test_a_verifier_that_never_saw_a_key_says_unavailable_rather_than_no(tokens):
    signer = Signer()
    signer.down = True
    verifier = TokenVerifier(
        keys=SigningKeys(signer), internal_key=INTERNAL_KEY, revoked=lambda _id: False
    )
    with pytest.raises(Unavailable):
        verifier.verify(tokens.access_token(uuid.uuid4()))
