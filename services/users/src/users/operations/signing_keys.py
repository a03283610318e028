"""Signing access tokens, and following one key by the next."""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import Connection

from chassis.identity import AUDIENCE, ISSUER
from users.domain.accounts import Account
from users.domain.sessions import ACCESS_TOKEN_SECONDS
from users.domain.signing_keys import LEAD, SigningKey, expired, rotation_due, signing
from users.store.signing_keys import (
    delete_signing_keys,
    insert_signing_key,
    lock_signing_keys,
    signing_keys,
)

_NONCE_BYTES = 12
_KNOWN_SECONDS = 30

log = structlog.get_logger()


@dataclass(frozen=True)
class Signer:
    """A key that is opened and ready to sign."""

    key_id: str
    private_key: Ed25519PrivateKey

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token that says these things, and no more."""
        headers = {"kid": self.key_id}
        return jwt.encode(dict(claims), self.private_key, algorithm="EdDSA", headers=headers)


class Keyring:
    """The signing keys: private halves are sealed with the secret and open only here.

    Keys that another secret sealed stay published, but cannot sign; when none can, one is made.
    """

    def __init__(self, secret: str) -> None:
        derivation = HKDF(SHA256(), length=32, salt=None, info=b"marquee signing keys")
        self._cipher = AESGCM(derivation.derive(secret.encode()))
        self._signer: tuple[Signer, datetime] | None = None
        self._lock = threading.Lock()

    def signer(self, connection: Connection, now: datetime) -> Signer:
        """The key that signs now; asked anew every half minute, made if there is none."""
        known = self._signer
        if known is not None and now - known[1] < timedelta(seconds=_KNOWN_SECONDS):
            return known[0]
        with self._lock:
            found = self._openable(signing_keys(connection), now)
            if found is not None:
                self._signer = found, now
                return found
        return self._first(connection, now)

    def access_token(
        self, connection: Connection, account: Account, session_id: UUID, now: datetime
    ) -> str:
        """Ten minutes of being this person in this session."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(account.user_id),
            "sid": str(session_id),
            "role": account.role,
            "iat": now,
            "exp": now + timedelta(seconds=ACCESS_TOKEN_SECONDS),
        }
        return self.signer(connection, now).sign(claims)

    def rotate(self, connection: Connection, now: datetime, *, days: int) -> SigningKey | None:
        """Drop keys that nothing needs; publish the next one when the newest is so old."""
        lock_signing_keys(connection)
        keys = signing_keys(connection)
        over = expired(keys, now)
        if over:
            delete_signing_keys(connection, over)
        if not rotation_due(keys, now, days):
            return None
        return self._add(connection, now + LEAD if keys else now)

    def add(self, connection: Connection, signs_from: datetime) -> SigningKey:
        """Publish a key that signs from then."""
        lock_signing_keys(connection)
        return self._add(connection, signs_from)

    def _first(self, connection: Connection, now: datetime) -> Signer:
        """Not remembered: the transaction it is made in may yet fail."""
        lock_signing_keys(connection)
        found = self._openable(signing_keys(connection), now)
        if found is not None:
            return found
        return self._opened(self._add(connection, now))

    def _openable(self, keys: list[SigningKey], now: datetime) -> Signer | None:
        for key in signing(keys, now):
            try:
                return self._opened(key)
            except InvalidTag:
                log.warning("a signing key was sealed with another secret", key_id=key.key_id)
        return None

    def _opened(self, key: SigningKey) -> Signer:
        nonce, sealed = key.sealed_private_key[:_NONCE_BYTES], key.sealed_private_key[_NONCE_BYTES:]
        raw = self._cipher.decrypt(nonce, sealed, key.key_id.encode())
        return Signer(key.key_id, Ed25519PrivateKey.from_private_bytes(raw))

    def _add(self, connection: Connection, signs_from: datetime) -> SigningKey:
        private_key = Ed25519PrivateKey.generate()
        key_id, nonce = secrets.token_urlsafe(12), secrets.token_bytes(_NONCE_BYTES)
        raw = private_key.private_bytes_raw()
        key = SigningKey(
            key_id=key_id,
            public_key=private_key.public_key().public_bytes_raw(),
            sealed_private_key=nonce + self._cipher.encrypt(nonce, raw, key_id.encode()),
            signs_from=signs_from,
        )
        insert_signing_key(connection, key)
        log.info("signing key made", key_id=key_id, signs_from=signs_from.isoformat())
        return key


def session_of(connection: Connection, access_token: str) -> tuple[UUID, UUID] | None:
    """Session and user of an access token of ours, expired or not; None for anything else."""
    try:
        key_id = jwt.get_unverified_header(access_token).get("kid")
        public = {key.key_id: key.public_key for key in signing_keys(connection)}.get(str(key_id))
        if public is None:
            return None
        claims: dict[str, Any] = jwt.decode(
            access_token,
            Ed25519PublicKey.from_public_bytes(public),
            algorithms=["EdDSA"],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"verify_exp": False, "require": ["sub", "sid"]},
        )
        return UUID(claims["sid"]), UUID(claims["sub"])
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
