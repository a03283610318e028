"""Keys are followed by others without anybody noticing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chassis.errors import Unauthenticated
from chassis.identity import TokenVerifier
from marquee.users.v1 import users_pb2 as pb
from users import wiring
from users.jobs import CHORES
from users.operations.signing_keys import Keyring
from users.store.signing_keys import signing_keys


def published(world):
    answer = world.call("ListSigningKeys", pb.ListSigningKeysRequest(), [])
    return {key.key_id: key.public_key for key in answer.keys}


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


def test_a_key_exists_from_the_first_question_on(world):
    keys = published(world)
    assert len(keys) == 1
    assert kid(world.register().tokens.access_token) in keys
    assert published(world) == keys


def test_a_token_says_who_in_which_session_and_for_ten_minutes(world):
    registered = world.register()
    token = registered.tokens.access_token
    key = Ed25519PublicKey.from_public_bytes(published(world)[kid(token)])
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="marquee", issuer="marquee")
    assert claims["sub"] == registered.user.user_id
    assert claims["sid"] == registered.tokens.session_id
    assert claims["role"] == "user"
    assert claims["exp"] - claims["iat"] == 600


def test_verifiers_of_other_services_accept_it(world):
    registered = world.register()
    keys = published(world)
    verifier = TokenVerifier(keys=lambda: keys, internal_key="x" * 32, revoked=lambda _id: False)
    caller = verifier.verify(registered.tokens.access_token)
    assert str(caller.user_id) == registered.user.user_id
    with pytest.raises(Unauthenticated):
        verifier.verify(registered.tokens.access_token[:-4] + "AAAA")


def rotate(world):
    with world.database.begin() as connection:
        return world.keyring.rotate(connection, world.clock(), days=30)


def test_a_new_key_is_published_before_it_signs_and_the_old_one_kept_after(world):
    first = kid(world.register().tokens.access_token)
    assert rotate(world) is None
    world.clock.advance(days=31)
    second = rotate(world).key_id
    assert rotate(world) is None
    assert set(published(world)) == {first, second}
    assert kid(world.register().tokens.access_token) == first
    world.clock.advance(minutes=11)
    assert kid(world.register().tokens.access_token) == second
    assert rotate(world) is None
    assert first in published(world)
    world.clock.advance(minutes=15)
    assert rotate(world) is None
    assert set(published(world)) == {second}


def test_replicas_that_start_together_make_one_key(world, settings):
    def sign(_number):
        with world.database.begin() as connection:
            keyring = wiring.keyring_of(settings)
            return keyring.signer(connection, datetime.now(UTC)).key_id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(sign, range(8)))) == 1


def test_a_key_whose_making_was_rolled_back_signs_nothing(world):
    connection = world.database.engine.connect()
    signer = world.keyring.signer(connection, datetime.now(UTC))
    connection.rollback()
    connection.close()
    assert kid(world.register().tokens.access_token) != signer.key_id


def test_private_keys_are_sealed_and_another_secret_makes_its_own(world):
    first = kid(world.register().tokens.access_token)
    other = Keyring("another secret of at least 32 characters")
    with world.database.begin() as connection:
        signer = other.signer(connection, datetime.now(UTC) + timedelta(seconds=1))
        (kept,) = [key for key in signing_keys(connection) if key.key_id == signer.key_id]
    assert signer.private_key.private_bytes_raw() not in kept.sealed_private_key
    assert set(published(world)) == {first, signer.key_id}
    assert kid(world.register().tokens.access_token) == first


def test_one_key_can_be_asked_for(world):
    (key_id,) = published(world)
    for asked, count in ((key_id, 1), (str(uuid4()), 0)):
        request = pb.ListSigningKeysRequest(key_id=asked)
        assert len(world.call("ListSigningKeys", request, []).keys) == count


def test_chores_rotate_keys_and_forget_old_sessions(world, settings):
    registered = world.register()
    world.refresh(registered.tokens.refresh_token)
    worker = wiring.worker_of(settings, now=world.clock)
    world.clock.advance(days=38)
    worker.tick()
    assert worker.run_waiting() == len(CHORES)
    assert len(published(world)) == 2
    request = pb.RevokeTokenRequest(token=registered.tokens.refresh_token)
    assert world.call("RevokeToken", request).session_id == ""
