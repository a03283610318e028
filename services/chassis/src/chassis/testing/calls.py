"""Speaking to a service in tests: a server in this process, and tokens it accepts."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.identity import AUDIENCE, ISSUER, TokenVerifier
from chassis.identity import service_token as mint_service_token
from chassis.message_sizes import ANSWER_BYTES
from chassis.rpc import Registration, Server, serve
from chassis.settings import ServiceSettings

INTERNAL_KEY = "a key that only tests know, 32 bytes or more"
KEY_ID = "test"


class Tokens:
    """Mints tokens with a key of the test's own; the verifier of `running` accepts them."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.revoked: set[uuid.UUID] = set()

    @property
    def internal_key(self) -> str:
        """The INTERNAL_KEY of the servers `running` starts."""
        return INTERNAL_KEY

    @property
    def keys(self) -> Mapping[str, bytes]:
        """Public keys by kid, as a verifier wants them."""
        return {KEY_ID: self._key.public_key().public_bytes_raw()}

    def access_token(
        self,
        user_id: uuid.UUID,
        role: str = "user",
        *,
        session_id: uuid.UUID | None = None,
        **claims: object,
    ) -> str:
        """A signed access token; `claims` replace or add to the usual ones."""
        now = int(time.time())
        body: dict[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id or uuid.uuid4()),
            "role": role,
            "iat": now,
            "exp": now + 600,
        }
        return jwt.encode({**body, **claims}, self._key, algorithm="EdDSA", headers={"kid": KEY_ID})

    def user(
        self, user_id: uuid.UUID | None = None, role: str = "user", **claims: Any
    ) -> list[tuple[str, str]]:
        """Metadata of a call on behalf of a person, as the gateway sends it."""
        token = self.access_token(user_id or uuid.uuid4(), role, **claims)
        return [("authorization", f"Bearer {token}"), *self.service("gateway")]

    def service(self, name: str) -> list[tuple[str, str]]:
        """Metadata of a call by a service on its own behalf."""
        token = mint_service_token(INTERNAL_KEY, name, datetime.now(UTC))
        return [("x-service-authorization", f"Bearer {token}")]

    def verifier(self) -> TokenVerifier:
        """A verifier that accepts these tokens; ids in `revoked` are refused."""
        return TokenVerifier(
            keys=lambda: self.keys,
            internal_key=INTERNAL_KEY,
            revoked=lambda session_id: session_id in self.revoked,
        )


@dataclass(frozen=True)
class Running:
    """A server in this process and an open channel to it."""

    server: Server
    target: str
    channel: grpc.Channel


def run_server(settings: ServiceSettings, tokens: Tokens, *servicers: Registration) -> Running:
    """Serve on a free port of the loopback."""
    server = serve(
        listen="127.0.0.1:0",
        servicers=servicers,
        settings=settings,
        verifier=tokens.verifier(),
        readiness=lambda: {},
    )
    server.start()
    target = f"127.0.0.1:{server.port}"
    options = [("grpc.max_receive_message_length", ANSWER_BYTES)]
    return Running(server, target, grpc.insecure_channel(target, options))
