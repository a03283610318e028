"""Addresses: whose word is believed, and what is kept of them."""

import pytest
from fastapi import Request

from gateway.limits import Proxies, counted, truncated


def _request(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded if line]
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "10.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 127.0.0.1", "198.51.100.1"),
        ("127.0.0.1", "made up", ""),
        ("127.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("fe80::1%eth0", "", "fe80::1"),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, forwarded: str, address: str) -> None:
    assert Proxies("127.0.0.1,::1").address_of(_request(peer, forwarded)) == address


def test_what_the_nearest_proxy_says_stands_in_the_last_line() -> None:
    request = _request("127.0.0.1", "10.9.9.9", "198.51.100.1")
    assert Proxies("127.0.0.1").address_of(request) == "198.51.100.1"


@pytest.mark.parametrize(
    ("address", "client"),
    [("198.51.100.77", "198.51.100.77"), ("2001:db8:1:2:3::4", "2001:db8:1:2::"), ("", "")],
)
def test_a_customer_with_many_addresses_is_counted_once(address: str, client: str) -> None:
    assert counted(address) == client


@pytest.mark.parametrize(
    ("address", "network"),
    [("198.51.100.77", "198.51.100.0"), ("2001:db8:1:2::3", "2001:db8:1::"), ("", "")],
)
def test_addresses_are_truncated(address: str, network: str) -> None:
    assert truncated(address) == network
