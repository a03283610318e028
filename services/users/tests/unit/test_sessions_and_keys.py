"""When a refresh token is exchanged, when a key signs, what of an address is kept."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from users.domain.sessions import (
    RefreshToken,
    Verdict,
    device,
    judge,
    limited_address,
    truncated_address,
)
from users.domain.signing_keys import AFTERLIFE, SigningKey, expired, rotation_due, signing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def token(**more):
    given: dict[str, Any] = {
        "session_id": uuid4(), "user_id": uuid4(), "expires_at": NOW + SECOND,
        "revoked_at": None, "used_at": None, "contested_at": None,
    }  # fmt: skip
    return RefreshToken(**(given | more))


def verdict(presented, *, asked_at=NOW, overlapped=False):
    return judge(presented, asked_at=asked_at, overlapped=overlapped, now=NOW)


def test_a_fresh_token_is_exchanged():
    assert verdict(token()) is Verdict.ROTATE


def test_expired_and_revoked_ones_are_refused_even_when_used():
    assert verdict(token(expires_at=NOW)) is Verdict.REFUSE
    assert verdict(token(revoked_at=NOW, used_at=NOW - SECOND)) is Verdict.REFUSE


def test_asking_after_the_rotation_is_reuse():
    assert verdict(token(used_at=NOW - SECOND)) is Verdict.REUSED


def test_asking_before_the_rotation_was_over_is_a_race():
    assert verdict(token(used_at=NOW), asked_at=NOW - SECOND) is Verdict.RACED
    assert verdict(token(used_at=NOW - SECOND), overlapped=True) is Verdict.RACED


def test_a_proven_race_is_granted_stragglers_for_a_moment():
    raced = token(used_at=NOW - 3 * SECOND, contested_at=NOW - SECOND)
    assert verdict(raced, asked_at=NOW - 0.8 * SECOND) is Verdict.RACED
    assert verdict(raced, asked_at=NOW) is Verdict.REUSED


def test_no_race_lasts_longer_than_five_seconds():
    raced = token(used_at=NOW - 6 * SECOND, contested_at=NOW)
    assert verdict(raced, overlapped=True) is Verdict.REUSED


@pytest.mark.parametrize(
    ("address", "stored", "limited"),
    [
        ("203.0.113.77", "203.0.113.0", "203.0.113.77"),
        ("::ffff:203.0.113.77", "203.0.113.0", "203.0.113.77"),
        ("2001:db8:1:2:3::4", "2001:db8:1::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::", "fe80::"),
        ("no address", "", ""),
        ("", "", ""),
    ],
)
def test_addresses_are_truncated_to_store_and_grouped_to_limit(address, stored, limited):
    assert (truncated_address(address), limited_address(address)) == (stored, limited)


def test_an_agent_is_kept_printable_and_short():
    assert device("", "curl\r\n/8\x00" + "x" * 400).agent == "curl/8" + "x" * 294


def key(key_id, signs_from):
    return SigningKey(key_id, b"", b"", signs_from)


def test_the_newest_started_key_signs():
    keys = [key("old", NOW - 2 * SECOND), key("new", NOW), key("coming", NOW + SECOND)]
    assert [one.key_id for one in signing(keys, NOW)] == ["new", "old", "coming"]


def test_a_key_is_kept_until_its_last_token_has_expired():
    keys = [key("old", NOW - timedelta(days=1)), key("new", NOW - AFTERLIFE)]
    assert [one.key_id for one in expired(keys, NOW)] == ["old"]
    assert expired(keys, NOW - SECOND) == []


def test_rotation_is_due_when_the_newest_key_is_old():
    keys = [key("old", NOW - timedelta(days=30))]
    assert rotation_due(keys, NOW, 30)
    assert not rotation_due([*keys, key("coming", NOW + SECOND)], NOW, 30)
    assert rotation_due([], NOW, 30)
