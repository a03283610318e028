"""The two kinds of channel, for threads and for coroutines."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from chassis.clients.calls import (
    DEFAULT_TIMEOUT_SECONDS,
    Metadata,
    RetryBudget,
    Terms,
)
from chassis.identity import ServiceTokens
from chassis.message_sizes import ANSWER_BYTES, REQUEST_BYTES

_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.max_receive_message_length", ANSWER_BYTES),
    ("grpc.max_send_message_length", REQUEST_BYTES),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)


def channel(
    target: str,
    *,
    internal_key: str,
    service: str,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> grpc.Channel:
    """A channel for threads, to give to a generated stub; it connects when first used.

    `target` is a gRPC target (`dns:///users:50051`), `service` the one that calls. A call takes
    `timeout=` seconds, or `timeout_seconds`, and never more than is left of the call being
    answered. It goes out with this service's token, the current caller's, the request id and
    the trace, and raises a `chassis.errors.Refusal` when it fails. Unary methods only.
    """
    inner = grpc.insecure_channel(target, options=_OPTIONS)
    return _Channel(inner, _terms(internal_key, service, timeout_seconds))


def async_channel(
    target: str,
    *,
    internal_key: str,
    service: str,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> grpc.aio.Channel:
    """The same for coroutines; make it inside the running event loop.

    The person's token goes in explicitly: `metadata=(("authorization", "Bearer …"),)`.
    """
    inner = grpc.aio.insecure_channel(target, options=_OPTIONS)
    return _AsyncChannel(inner, _terms(internal_key, service, timeout_seconds))


TermsOf = Callable[[str], Terms]


def _terms(internal_key: str, service: str, timeout_seconds: float) -> TermsOf:
    tokens = ServiceTokens(internal_key, service)
    budget = RetryBudget()
    return lambda method: Terms(method, tokens, budget, timeout_seconds)


class _Call:
    """A unary method for threads."""

    def __init__(self, inner: Any, terms: Terms) -> None:
        self._inner = inner
        self._terms = terms

    def __call__(
        self, request: Any, timeout: float | None = None, metadata: Metadata | None = None
    ) -> Any:
        attempt = self._terms.begin(timeout, metadata)
        while True:
            try:
                reply = self._inner(request, timeout=attempt.timeout, metadata=attempt.metadata)
            except grpc.RpcError as error:
                time.sleep(attempt.pause_before_retry(error))
            else:
                attempt.succeeded()
                return reply


class _AsyncCall:
    """A unary method for coroutines."""

    def __init__(self, inner: Any, terms: Terms) -> None:
        self._inner = inner
        self._terms = terms

    async def __call__(
        self,
        request: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - the name is that of grpc's stubs
        metadata: Metadata | None = None,
    ) -> Any:
        attempt = self._terms.begin(timeout, metadata)
        while True:
            try:
                reply = await self._inner(
                    request, timeout=attempt.timeout, metadata=attempt.metadata
                )
            except grpc.aio.AioRpcError as error:
                await asyncio.sleep(attempt.pause_before_retry(error))
            else:
                attempt.succeeded()
                return reply


class _Channel(grpc.Channel):
    """A plain channel whose unary methods are called on our terms."""

    def __init__(self, inner: grpc.Channel, terms: TermsOf) -> None:
        self._inner = inner
        self._terms = terms

    def unary_unary(self, method: str, *arguments: Any, **named: Any) -> Any:
        return _Call(self._inner.unary_unary(method, *arguments, **named), self._terms(method))

    def unary_stream(self, *arguments: Any, **named: Any) -> Any:
        return self._inner.unary_stream(*arguments, **named)

    def stream_unary(self, *arguments: Any, **named: Any) -> Any:
        return self._inner.stream_unary(*arguments, **named)

    def stream_stream(self, *arguments: Any, **named: Any) -> Any:
        return self._inner.stream_stream(*arguments, **named)

    def subscribe(self, *arguments: Any, **named: Any) -> None:
        self._inner.subscribe(*arguments, **named)

    def unsubscribe(self, *arguments: Any, **named: Any) -> None:
        self._inner.unsubscribe(*arguments, **named)

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> "_Channel":
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()


class _AsyncChannel(grpc.aio.Channel):
    """The same around grpc.aio's channel."""

    def __init__(self, inner: grpc.aio.Channel, terms: TermsOf) -> None:
        self._inner = inner
        self._terms = terms

    def unary_unary(self, method: str, *arguments: Any, **named: Any) -> Any:
        return _AsyncCall(self._inner.unary_unary(method, *arguments, **named), self._terms(method))

    def unary_stream(self, *arguments: Any, **named: Any) -> Any:
        return self._inner.unary_stream(*arguments, **named)

    def stream_unary(self, *arguments: Any, **named: Any) -> Any:
        return self._inner.stream_unary(*arguments, **named)

    def stream_stream(self, *arguments: Any, **named: Any) -> Any:
        return self._inner.stream_stream(*arguments, **named)

    async def close(self, grace: float | None = None) -> None:
        await self._inner.close(grace)

    def get_state(self, try_to_connect: bool = False) -> Any:  # noqa: FBT001, FBT002 - grpc's
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: Any) -> None:
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._inner.channel_ready()

    async def __aenter__(self) -> "_AsyncChannel":
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._inner.__aexit__(*raised)
