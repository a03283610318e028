"""Refusals on the wire: google.rpc.Status with an ErrorInfo, there and back."""

import json
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from chassis.errors import (
    Conflict,
    DeadlineExceeded,
    Denied,
    Exhausted,
    Fact,
    Failed,
    Invalid,
    NotFound,
    Refusal,
    Stale,
    Unauthenticated,
    Unavailable,
)

DETAILS_KEY = "grpc-status-details-bin"
_DOMAIN = "marquee"
_LONGEST_DETAIL = 500
_LARGEST_FACTS = 4096

_CATEGORIES: dict[grpc.StatusCode, type[Refusal]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Invalid,
    grpc.StatusCode.OUT_OF_RANGE: Invalid,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.ABORTED: Stale,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Exhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def code_of(refusal: Refusal) -> grpc.StatusCode:
    """The gRPC code a refusal leaves under."""
    return grpc.StatusCode[refusal.code]


def trailer_of(refusal: Refusal) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata that lets the other side rebuild the refusal."""
    info = error_details_pb2.ErrorInfo(
        reason=refusal.reason, domain=_DOMAIN, metadata={"facts": _facts_json(refusal)}
    )
    number: int = code_of(refusal).value[0]  # pyright: ignore[reportAssignmentType]
    status = status_pb2.Status(code=number, message=detail_of(refusal))
    status.details.add().Pack(info)
    return ((DETAILS_KEY, status.SerializeToString()),)


def detail_of(refusal: Refusal) -> str:
    """The refusal's detail, short enough for a header."""
    return refusal.detail[:_LONGEST_DETAIL]


def refusal_from(
    code: grpc.StatusCode, detail: str | None, trailer: Iterable[tuple[str, str | bytes]] | None
) -> Refusal:
    """The refusal behind a status, whoever sent it: a service of ours or gRPC itself."""
    for key, value in trailer or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            rebuilt = _rebuilt(code, value)
            if rebuilt is not None:
                return rebuilt
    return _refusal_of_grpc(code, detail or code.name)


def _rebuilt(code: grpc.StatusCode, value: bytes) -> Refusal | None:
    info = error_details_pb2.ErrorInfo()
    try:
        status = status_pb2.Status.FromString(value)
        if not any(packed.Unpack(info) for packed in status.details):
            return None
        facts: dict[str, Fact] = json.loads(info.metadata.get("facts") or "{}")
    except (DecodeError, ValueError):
        return None
    return _CATEGORIES.get(code, Failed).received(info.reason, status.message, facts)


def _refusal_of_grpc(code: grpc.StatusCode, detail: str) -> Refusal:
    """gRPC's own refusals say what happened in English only."""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        if "larger than max" in detail:
            return Invalid.received("MESSAGE_TOO_LARGE", "the message is too large", {})
        return Unavailable.received(
            "OVERLOADED", "too many calls at once", {"retry_after_seconds": 1}
        )
    category = _CATEGORIES.get(code)
    if category is Unavailable:
        return Unavailable("a neighbour does not answer")
    if category is DeadlineExceeded:
        return DeadlineExceeded("a neighbour took too long")
    if category is None:
        return Failed.received(code.name, "a neighbour failed", {})
    return category.received(code.name, detail, {})


def _facts_json(refusal: Refusal) -> str:
    """As JSON; a long list of errors is cut, for gRPC refuses trailers past some kilobytes."""
    facts: dict[str, Any] = dict(refusal.facts)
    text = json.dumps(facts, default=str)
    while len(text) > _LARGEST_FACTS and len(facts.get("errors", ())) > 1:
        facts["errors"] = facts["errors"][: len(facts["errors"]) // 2]
        text = json.dumps(facts, default=str)
    return text if len(text) <= _LARGEST_FACTS else "{}"
