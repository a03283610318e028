"""Who is calling: tokens verified, and the caller kept for the length of a call."""

from chassis.identity.callers import (
    ANONYMOUS,
    Caller,
    acting_as,
    assume,
    current,
    current_token,
    require_user,
)
from chassis.identity.keys import SigningKeys
from chassis.identity.revocations import Revocations
from chassis.identity.tokens import (
    AUDIENCE,
    INTERNAL_AUDIENCE,
    ISSUER,
    ServiceTokens,
    TokenVerifier,
    service_token,
)

__all__ = [
    "ANONYMOUS",
    "AUDIENCE",
    "INTERNAL_AUDIENCE",
    "ISSUER",
    "Caller",
    "Revocations",
    "ServiceTokens",
    "SigningKeys",
    "TokenVerifier",
    "acting_as",
    "assume",
    "current",
    "current_token",
    "require_user",
    "service_token",
]
