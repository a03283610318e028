"""Addresses: whose word is believed, and what is kept of them."""

import pytest
from fastapi import Request

from gateway.limits import Proxies, truncated


def _request(peer: str, forwarded: str = "") -> Request:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
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
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, forwarded: str, address: str) -> None:
    assert Proxies("127.0.0.1,::1").address_of(_request(peer, forwarded)) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [("198.51.100.77", "198.51.100.0"), ("2001:db8:1:2::3", "2001:db8:1::"), ("", "")],
)
def test_addresses_are_truncated(address: str, network: str) -> None:
    assert truncated(address) == network
