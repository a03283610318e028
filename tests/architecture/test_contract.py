"""Every RPC says who may call it and what a retry does; every README tells of it."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

from marquee.policy.v1 import policy_pb2 as policy

ROOT = Path(__file__).parents[2]
SERVICES = ("users", "catalog", "interactions", "recommender", "analytics")


def _file(service: str, name: str) -> FileDescriptor:
    return import_module(f"marquee.{service}.v1.{name}_pb2").DESCRIPTOR


def _methods(service: str) -> Iterator[MethodDescriptor]:
    for described in _file(service, service).services_by_name.values():
        yield from described.methods


def _readme(service: str) -> str:
    return (ROOT / "services" / service / "README.md").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_every_rpc_has_a_policy(service: str):
    access: Any = policy.access
    without = [
        method.full_name
        for method in _methods(service)
        if method.GetOptions().Extensions[access] == policy.ACCESS_UNSPECIFIED
    ]
    assert without == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_rpc_says_what_a_retry_does(service: str):
    # Written out also where it is IDEMPOTENCY_UNKNOWN: not to be repeated is a decision too.
    silent = [
        method.full_name
        for method in _methods(service)
        if not method.GetOptions().HasField("idempotency_level")
    ]
    assert silent == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_lists_every_rpc(service: str):
    readme = _readme(service)
    assert [method.name for method in _methods(service) if method.name not in readme] == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_lists_every_event(service: str):
    readme = _readme(service)
    assert [name for name in _facts(service) if name not in readme] == []


@pytest.mark.parametrize("service", [*SERVICES, "gateway"])
def test_every_event_is_told_by_its_owner(service: str):
    folder = ROOT / ("gateway" if service == "gateway" else f"services/{service}") / "src"
    code = "".join(path.read_text() for path in folder.rglob("*.py"))
    assert [name for name in _facts(service) if f".{name}(" not in code] == []


def _facts(service: str) -> list[str]:
    events = _file(service, "events").message_types_by_name.values()
    return [event.name for event in events if event.name not in _parts(events)]


def _parts(messages: Any) -> set[str]:
    """Messages that are only a field of another are no facts of their own."""
    return {
        field.message_type.name
        for message in messages
        for field in message.fields
        if field.message_type is not None
    }
