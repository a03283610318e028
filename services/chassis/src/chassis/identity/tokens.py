"""Tokens: of services, minted and cached; of anybody, verified."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chassis.errors import Unauthenticated
from chassis.identity.callers import ANONYMOUS, Caller

ISSUER: Final = "marquee"
AUDIENCE: Final = "marquee"
INTERNAL_AUDIENCE: Final = "marquee-internal"
SERVICE_TOKEN_SECONDS: Final = 300
_SERVICE_SUBJECT = "service:"
_ROLES = ("user", "admin")
_LEEWAY_SECONDS = 5
_REMEMBERED_SECONDS = 30
_REMEMBERED_TOKENS = 20_000
_LONGEST_TOKEN = 4096


def service_token(internal_key: str, service: str, now: datetime) -> str:
    """A token that says which service is calling, good for five minutes."""
    claims = {
        "iss": ISSUER,
        "aud": INTERNAL_AUDIENCE,
        "sub": _SERVICE_SUBJECT + service,
        "iat": now,
        "exp": now + timedelta(seconds=SERVICE_TOKEN_SECONDS),
    }
    return jwt.encode(claims, internal_key, algorithm="HS256")


class ServiceTokens:
    """Mints this process's service token, and again before it expires."""

    def __init__(
        self, internal_key: str, service: str, now: Callable[[], datetime] | None = None
    ) -> None:
        self._internal_key = internal_key
        self._service = service
        self._now = now or _utc_now
        self._token = ""
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    def token(self) -> str:
        """A token with at least half of its life before it."""
        now = self._now()
        if now >= self._renew_at:
            self._token = service_token(self._internal_key, self._service, now)
            self._renew_at = now + timedelta(seconds=SERVICE_TOKEN_SECONDS / 2)
        return self._token


class TokenVerifier:
    """Tells who a token belongs to, or refuses it.

    `keys` gives the raw 32-byte Ed25519 public keys by key id; `revoked` is asked with the
    session's id and the user's; `erased` is asked for a person's tombstone, which outlives every
    revocation. Signature and tombstone are checked once in 30 s, revocation every time.
    """

    def __init__(
        self,
        *,
        keys: Callable[[], Mapping[str, bytes]],
        internal_key: str,
        revoked: Callable[[UUID], bool],
        erased: Callable[[UUID], bool] = lambda _user_id: False,
    ) -> None:
        self._erased = erased
        self._keys = keys
        self._internal_key = internal_key
        self._revoked = revoked
        self._remembered: dict[str, tuple[Caller, float]] = {}
        self._lock = threading.Lock()

    def knows(self, token: str) -> bool:
        """Whether the signature was checked a moment ago, so that no key is needed for it."""
        return self._recall(token) is not None

    def verify(self, token: str) -> Caller:
        """The person (access token) or service (service token) it speaks for."""
        caller = self._recall(token)
        if caller is None:
            caller, expires_at = self._checked(token)
            self._remember(token, caller, expires_at)
        if self._is_revoked(caller):
            raise Unauthenticated("the session has ended")
        return caller

    def caller(self, access_token: str, service_token: str) -> Caller:
        """Who is calling with these two tokens, either of which may be empty."""
        caller = self._person(access_token) if access_token else ANONYMOUS
        if not service_token:
            return caller
        service = self.verify(service_token).service
        if service is None:
            raise Unauthenticated("that is not a service token")
        role = "service" if caller.user_id is None else caller.role
        return Caller(caller.user_id, caller.session_id, role, service)

    def _person(self, token: str) -> Caller:
        caller = self.verify(token)
        if caller.user_id is None:
            raise Unauthenticated("that is not an access token")
        return caller

    def _is_revoked(self, caller: Caller) -> bool:
        if caller.session_id is None or caller.user_id is None:
            return False
        return self._revoked(caller.session_id) or self._revoked(caller.user_id)

    def _recall(self, token: str) -> Caller | None:
        known = self._remembered.get(token)
        if known is None or known[1] <= time.time():
            return None
        return known[0]

    def _remember(self, token: str, caller: Caller, expires_at: float) -> None:
        until = min(expires_at, time.time() + _REMEMBERED_SECONDS)
        with self._lock:
            if len(self._remembered) >= _REMEMBERED_TOKENS:
                self._remembered.clear()
            self._remembered[token] = caller, until

    def _checked(self, token: str) -> tuple[Caller, float]:
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated("the token is not valid")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") == "HS256":
                return self._checked_service(token)
            return self._checked_person(token, str(header.get("kid", "")))
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the token has expired") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise Unauthenticated("the token is not valid") from error

    def _checked_service(self, token: str) -> tuple[Caller, float]:
        claims: dict[str, Any] = jwt.decode(
            token,
            self._internal_key,
            algorithms=["HS256"],
            audience=INTERNAL_AUDIENCE,
            issuer=ISSUER,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub"]},
        )
        subject = str(claims["sub"])
        if not subject.startswith(_SERVICE_SUBJECT):
            raise Unauthenticated("the token names no service")
        service = subject.removeprefix(_SERVICE_SUBJECT)
        return replace(ANONYMOUS, role="service", service=service), float(claims["exp"])

    def _checked_person(self, token: str, key_id: str) -> tuple[Caller, float]:
        key = self._keys().get(key_id)
        if key is None:
            raise Unauthenticated("the token was signed with an unknown key")
        claims: dict[str, Any] = jwt.decode(
            token,
            Ed25519PublicKey.from_public_bytes(key),
            algorithms=["EdDSA"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "sub", "sid", "role"]},
        )
        if claims["role"] not in _ROLES:
            raise Unauthenticated("the token names an unknown role")
        user_id, session_id = UUID(str(claims["sub"])), UUID(str(claims["sid"]))
        if self._erased(user_id):
            raise Unauthenticated("the account is no more")
        return Caller(user_id, session_id, claims["role"], None), float(claims["exp"])


def _utc_now() -> datetime:
    return datetime.now(UTC)
