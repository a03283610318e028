"""What happens around every RPC: trace, deadline, identity, policy, refusals, metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import grpc
import structlog
from opentelemetry.trace import SpanKind

from chassis import identity, logs, telemetry
from chassis.database import refusal_of
from chassis.errors import DeadlineExceeded, Invalid, Refusal
from chassis.rpc import calls, policy, statuses

Behaviour = Callable[[Any, grpc.ServicerContext], Any]

_OPEN_SERVICES = ("/grpc.health.v1.", "/grpc.reflection.")
_LONGEST_ADDRESS = 45
_YEAR_SECONDS = 366 * 24 * 3600.0

log = structlog.get_logger()


class DeadlineRequired(Invalid):
    """Nobody may wait for ever."""


class Frame(grpc.ServerInterceptor):
    """One interceptor for all of it: each further one would cost every call again."""

    def __init__(self, verifier: identity.TokenVerifier, policies: Mapping[str, str]) -> None:
        self._verifier = verifier
        self._policies = policies
        self._framed: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The method's handler in its frame, made once per method."""
        method = handler_call_details.method
        framed = self._framed.get(method)
        if framed is not None:
            return framed
        handler = continuation(handler_call_details)
        if handler is None or method.startswith(_OPEN_SERVICES):
            return handler
        framed = self._frame(method, handler)
        self._framed[method] = framed
        return framed

    def _frame(
        self, method: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        if handler.unary_unary is None:
            raise TypeError(f"{method} streams, and only unary methods are framed")
        access = self._policies.get(method, policy.DENY)
        framed = _Method(method, handler.unary_unary, access, self._verifier)
        return grpc.unary_unary_rpc_method_handler(
            framed, handler.request_deserializer, handler.response_serializer
        )


class _Method:
    """One method with its policy and its metrics looked up beforehand."""

    def __init__(
        self, name: str, behaviour: Behaviour, access: str, verifier: identity.TokenVerifier
    ) -> None:
        self._name = name
        self._behaviour = behaviour
        self._access = access
        self._verifier = verifier
        self._seconds = telemetry.rpc_seconds.labels(name)
        self._answered = telemetry.rpc_requests.labels(name, "OK")

    def __call__(self, request: Any, context: grpc.ServicerContext) -> Any:
        started = time.perf_counter()
        metadata = _metadata(context)
        logs.request_id.set(metadata.get("x-request-id", ""))
        try:
            parent = metadata.get("traceparent", "")
            with telemetry.span(self._name, parent=parent, kind=SpanKind.SERVER):
                self._admit(metadata, context)
                reply = self._behaviour(request, context)
        except Exception as error:  # noqa: BLE001 - the edge: whatever is left becomes a status
            self._refuse(context, error)
        else:
            self._answered.inc()
            return reply
        finally:
            self._seconds.observe(time.perf_counter() - started)

    def _admit(self, metadata: Mapping[str, str], context: grpc.ServicerContext) -> None:
        remaining = context.time_remaining()
        if remaining > _YEAR_SECONDS:
            raise DeadlineRequired("the call needs a deadline")
        if remaining <= 0:
            raise DeadlineExceeded("the call's time had passed before its turn came")
        calls.limit_seconds(remaining)
        token = _token(metadata.get("authorization", ""))
        caller = self._verifier.caller(token, _token(metadata.get("x-service-authorization", "")))
        policy.admit(self._access, caller)
        identity.assume(caller, token)
        # Whoever has no service's token may claim what they like.
        told = "" if caller.service is None else metadata.get("x-client-address", "")
        calls.came_from(told[:_LONGEST_ADDRESS])

    def _refuse(self, context: grpc.ServicerContext, error: Exception) -> NoReturn:
        refusal = _translated(error)
        code = "INTERNAL" if refusal is None else refusal.code
        telemetry.rpc_requests.labels(self._name, code).inc()
        if refusal is None or code == "INTERNAL":
            log.error("rpc failed", method=self._name, exc_info=error)
            context.abort(grpc.StatusCode.INTERNAL, "internal error")
        log.debug("rpc refused", method=self._name, reason=refusal.reason)
        context.set_trailing_metadata(statuses.trailer_of(refusal))
        context.abort(statuses.code_of(refusal), statuses.detail_of(refusal))


def _translated(error: Exception) -> Refusal | None:
    return error if isinstance(error, Refusal) else refusal_of(error)


def _metadata(context: grpc.ServicerContext) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}


def _token(header: str) -> str:
    """The token of a `Bearer` header; another scheme is passed on whole and refused as a token."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else header
