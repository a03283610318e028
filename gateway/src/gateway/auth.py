"""Who is calling: the access token checked, and the caller handed to routes."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from fastapi import Request
from fastapi.security import HTTPBearer

from chassis.errors import Denied, Refusal, Unauthenticated
from chassis.identity import Revocations, TokenVerifier
from marquee.users.v1 import users_pb2, users_pb2_grpc

_KEYS_FRESH_SECONDS = 300.0
_KEYS_PAUSE_SECONDS = 1.0

bearer = HTTPBearer(
    auto_error=False, description="An access token from `POST /auth/token` or `/auth/register`."
)


@dataclass(frozen=True)
class Person:
    """A signed-in caller."""

    user_id: UUID
    session_id: UUID
    role: str
    token: str

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What makes an RPC act on this person's behalf."""
        return (("authorization", f"Bearer {self.token}"),)


class Keys:
    """The public keys of access tokens, asked of users and kept."""

    def __init__(self, users: "users_pb2_grpc.UsersServiceAsyncStub") -> None:
        self._users = users
        self._keys: dict[str, bytes] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    def __call__(self) -> Mapping[str, bytes]:
        """Raw Ed25519 public keys by key id."""
        return self._keys

    async def ready_for(self, key_id: str) -> None:
        """Fetch the keys when they are old or lack `key_id`, at most once a second.

        Whose key is there waits for nobody else's try. Whose key is not there tries again after
        one that failed: nobody knows then that the key is wrong.
        """
        fresh = time.monotonic() - self._fetched_at < _KEYS_FRESH_SECONDS
        if key_id in self._keys and (fresh or self._lock.locked()):
            return
        async with self._lock:
            known = key_id in self._keys
            last = self._tried_at if known else self._fetched_at
            if time.monotonic() - last >= _KEYS_PAUSE_SECONDS:
                await self._fetch(needed=not known)

    async def _fetch(self, *, needed: bool) -> None:
        try:
            reply = await self._users.ListSigningKeys(users_pb2.ListSigningKeysRequest())
        except Refusal:
            if needed:
                raise
        else:
            self._keys = {key.key_id: key.public_key for key in reply.keys}
            self._fetched_at = time.monotonic()
        finally:
            self._tried_at = time.monotonic()


class Door:
    """Turns an Authorization header into a person, or refuses it."""

    def __init__(self, keys: Keys, revocations: Revocations, internal_key: str) -> None:
        self._keys = keys
        self._revocations = revocations
        self._verifier = TokenVerifier(keys=keys, internal_key=internal_key, revoked=revocations)

    async def person(self, header: str) -> Person:
        """The person an `Authorization` header speaks for, or Unauthenticated."""
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("The Authorization header must be: Bearer <access token>.")
        if not self._verifier.knows(token):
            await self._keys.ready_for(_key_id(token))
        caller = self._verifier.verify(token)
        if caller.user_id is None or caller.session_id is None:
            raise Unauthenticated("That is not an access token.")
        return Person(caller.user_id, caller.session_id, caller.role, token)

    def close_to(self, person: Person) -> None:
        """Let this person in no more, whatever token they bring; other processes hear of it."""
        self._revocations.add(person.user_id)

    def good_until(self, person: Person) -> float:
        """When the person's token ends, in seconds since 1970."""
        return float(jwt.decode(person.token, options={"verify_signature": False})["exp"])

    def has_ended(self, person: Person) -> bool:
        """Whether the person's session has been revoked since the token was checked."""
        return self._revocations(person.session_id) or self._revocations(person.user_id)


def _key_id(token: str) -> str:
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise Unauthenticated("The access token is not valid.") from error
    return str(header.get("kid", ""))


async def visitor(request: Request) -> Person | None:
    """The caller of a public route: a person, or nobody; a bad token is refused all the same."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    return await request.app.state.door.person(header)


async def person(request: Request) -> Person:
    """The caller of a personal route."""
    found = await visitor(request)
    if found is None:
        raise Unauthenticated("This needs an access token: sign in first.")
    return found


async def admin(request: Request) -> Person:
    """The caller of an admin's route."""
    found = await person(request)
    if found.role != "admin":
        raise Denied("This is for admins.")
    return found
