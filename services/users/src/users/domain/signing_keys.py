"""Keys of access tokens: published before they sign, kept until nothing they signed lives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

LEAD = timedelta(minutes=10)
"""Verifiers look for new keys every five minutes; a key is published twice as long before."""

AFTERLIFE = timedelta(minutes=15)
"""An access token lives ten minutes; clocks may differ by less than the rest."""


@dataclass(frozen=True)
class SigningKey:
    """One Ed25519 key pair, its private half sealed."""

    key_id: str
    public_key: bytes
    sealed_private_key: bytes
    signs_from: datetime


def signing(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """Keys in the order in which they should sign: the newest that has started, and so on.

    One that has not started comes last: better than none, where clocks differ.
    """
    ordered = sorted(keys, key=lambda key: (key.signs_from, key.key_id))
    started = [key for key in ordered if key.signs_from <= now]
    return started[::-1] + ordered[len(started) :]


def expired(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """Keys whose successor has signed for so long that no token of theirs is alive."""
    ordered = sorted(keys, key=lambda key: (key.signs_from, key.key_id))
    pairs = pairwise(ordered)
    return [key for key, successor in pairs if successor.signs_from + AFTERLIFE <= now]


def rotation_due(keys: Sequence[SigningKey], now: datetime, days: int) -> bool:
    """Is the newest key, signing or about to, old enough to be followed."""
    newest = max((key.signs_from for key in keys), default=None)
    return newest is None or newest + timedelta(days=days) <= now
