"""What may be claimed, and what consent leaves of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.activities import (
    Observation,
    checked_metadata,
    checked_movie_id,
    checked_occurred_at,
    not_after,
)
from analytics.domain.privacy import (
    Consent,
    cleaned_agent,
    keyed,
    nameless,
    pseudonym,
    salted,
    truncated_address,
)
from chassis.errors import Invalid

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.77/16", "203.0.0.0/16"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("2001:db8:1::/48", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", None),
        ("localhost", None),
        ("203.0.113.77:8080", None),
    ],
)
def test_an_address_is_kept_as_its_network(given_address, kept):
    assert truncated_address(given_address) == kept


def test_what_was_seen_is_known_again_after_an_upgrade():
    assert keyed(b"k" * 32, "seen") == "221dcb0dbd08d8c6bce44167d59d94f6", (
        "another digest would count everything twice"
    )


@pytest.mark.parametrize("tracking", ["full", "anonymous", "off", "unknown-word"])
def test_a_deed_counts_by_the_least_consented_to_since(tracking):
    stored, named_at = NOW - timedelta(days=2), NOW - timedelta(days=1)
    consent = Consent(tracking, stored, named_at)
    at = {"before": stored - timedelta(seconds=1), "between": stored, "now": NOW}
    expected = {
        "full": ["off", "anonymous", "full"],
        "anonymous": ["off", "anonymous", "anonymous"],
    }
    kept = [consent.to(moment) for moment in at.values()]
    assert kept == expected.get(tracking, ["off"] * 3)
    assert Consent(tracking).to(at["before"]) == (tracking if tracking in expected else "off")


@given(st.ip_addresses())
def test_no_address_is_kept_whole(address):
    kept = truncated_address(str(address))
    assert kept is not None
    assert int(kept.rpartition("/")[2]) <= 48


@given(st.text())
def test_an_agent_is_printable_and_short(text):
    agent = cleaned_agent(text)
    assert agent is None or (agent.isprintable() and 0 < len(agent) <= 300)


@pytest.mark.parametrize("text", ["", "{}", ' { "a" : [1, null, {"b": "ü"}] } ', '{"a": 1e-400}'])
def test_a_json_object_is_kept(text):
    assert checked_metadata(text, field="metadata").startswith("{")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "1",
        "null",
        "{",
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\\u0000"}',
        '{"\\u0000": 1}',
        '{"a": "\\ud800"}',
        '{"a":' + "[" * 3000 + "]" * 3000 + "}",
        '{"a":' + "[" * 40 + "]" * 40 + "}",
    ],
)
def test_what_postgresql_cannot_hold_is_refused(text):
    with pytest.raises(Invalid) as refused:
        checked_metadata(text, field="metadata")
    assert refused.value.errors[0]["pointer"] == "/metadata"


def test_a_client_s_clock_may_be_a_little_fast():
    ahead = NOW + timedelta(minutes=4)
    assert checked_occurred_at(ahead, NOW, field="occurred_at") == NOW


@pytest.mark.parametrize("away", [timedelta(minutes=6), -timedelta(days=30, seconds=1)])
def test_a_moment_out_of_reach_is_refused(away):
    with pytest.raises(Invalid):
        checked_occurred_at(NOW + away, NOW, field="occurred_at")


def test_no_movie_is_not_movie_zero():
    assert checked_movie_id(0, field="movie_id") is None
    with pytest.raises(Invalid):
        checked_movie_id(-1, field="movie_id")


def test_a_pseudonym_is_one_person_s_while_its_salt_lasts():
    user_id = uuid4()
    day = NOW.date()
    key = salted(b"key", b"today")
    today = pseudonym(key, user_id, day)
    assert today == pseudonym(salted(b"key", b"today"), user_id, day)
    others = [
        pseudonym(key, uuid4(), day),
        pseudonym(key, user_id, day - timedelta(days=1)),
        pseudonym(salted(b"key", b"tomorrow"), user_id, day),
        pseudonym(salted(b"another key", b"today"), user_id, day),
        keyed(b"key", str(user_id)),
        user_id,
    ]
    assert today not in others


def test_nothing_of_a_person_is_left_without_their_name():
    seen = Observation(
        name="n",
        user_id=uuid4(),
        activity_type="search",
        occurred_at=NOW,
        metadata='{"query": "my name"}',
        address="203.0.113.77",
        agent="Browser",
    )
    kept = nameless(seen, UUID(int=7), NOW)
    assert kept.actor == UUID(int=7)
    left = (kept.user_id, kept.address, kept.agent, kept.metadata)
    assert left == (None, None, None, "{}")
    assert kept.occurred_at == NOW.replace(minute=0, second=0)
    assert kept.received_at == NOW.replace(hour=0, minute=0, second=0)


def test_nothing_happens_after_it_is_received():
    seen = Observation("n", uuid4(), "search", NOW + timedelta(hours=1))
    assert [one.occurred_at for one in not_after([seen], NOW)] == [NOW]
    assert not_after([seen], NOW + timedelta(hours=1)) == [seen]
