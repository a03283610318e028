"""Opaque page tokens: where the last page ended, signed, and bound to one list."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from chassis.errors import Invalid

PageValue = str | int | float | None

_MAC_BYTES = 16
_DEFAULT_SIZE = 20
_LARGEST_SIZE = 100
_LONGEST_TOKEN = 4096


def page_key(internal_key: str) -> bytes:
    """The key of page tokens, derived so that a token leaks nothing about the internal key."""
    return hmac.digest(internal_key.encode(), b"marquee page tokens", "sha256")


def page_size(requested: int) -> int:
    """0 is the default of 20, too much is lowered to 100, less than 0 is Invalid."""
    if requested < 0:
        raise Invalid("must not be negative", field="page_size")
    return min(requested or _DEFAULT_SIZE, _LARGEST_SIZE)


class PageTokens:
    """Signs the sort keys of a page's last row, and trusts only what it signed itself.

    `scope` names the list, its filters and its owner: a token of another list is refused.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, scope: str, values: Sequence[PageValue]) -> str:
        """The token of the page after the row with these sort keys."""
        body = json.dumps(list(values), separators=(",", ":"), allow_nan=False).encode()
        return base64.urlsafe_b64encode(self._mac(scope, body) + body).decode().rstrip("=")

    def decode(self, scope: str, token: str) -> list[Any]:
        """The values given to `encode`, or Invalid(field="page_token") for anything else."""
        raw = _unpacked(token)
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(scope, body)):
            raise _refused()
        return json.loads(body)

    def _mac(self, scope: str, body: bytes) -> bytes:
        named = hashlib.sha256(scope.encode()).digest()
        return hmac.digest(self._key, named + body, "sha256")[:_MAC_BYTES]


def _unpacked(token: str) -> bytes:
    if len(token) > _LONGEST_TOKEN:
        raise _refused()
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused() from error


def _refused() -> Invalid:
    return Invalid("is not a page token of this list", field="page_token")
