"""Traces over OTLP and metrics for Prometheus; both are off until configured."""

import re
import threading
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Histogram, start_http_server
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

rpc_requests = Counter("rpc_requests_total", "RPCs answered", ["method", "code"])
rpc_seconds = Histogram("rpc_seconds", "Time to answer an RPC", ["method"], buckets=_BUCKETS)
call_requests = Counter("call_requests_total", "Calls to neighbours", ["method", "code"])
call_seconds = Histogram("call_seconds", "Time of a call", ["method"], buckets=_BUCKETS)

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_exporting = threading.Event()
_propagator = TraceContextTextMapPropagator()
_passed_on: ContextVar[str] = ContextVar("traceparent", default="")


def configure(service: str, otlp_endpoint: str = "", metrics_listen: str = "") -> None:
    """Start what the settings ask for; call it after a fork, for both own threads."""
    if otlp_endpoint:
        from chassis.otlp import provider  # noqa: PLC0415 - heavy; most send no spans

        trace.set_tracer_provider(provider(service, otlp_endpoint))
        _exporting.set()
    if metrics_listen:
        host, _, port = metrics_listen.rpartition(":")
        start_http_server(int(port), addr=host.strip("[]"))


def tracing() -> bool:
    """Whether spans go anywhere."""
    return _exporting.is_set()


def traceparent() -> str:
    """The W3C traceparent of what is being done now, or the empty string."""
    if not tracing():
        return _passed_on.get()
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")


def span(
    name: str, *, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int
) -> AbstractContextManager[object]:
    """A span under `parent` (a traceparent) if given, else under the current one.

    Where spans go nowhere the parent is still passed on, at a twentieth of the cost.
    """
    if not tracing():
        return _PassOn(parent) if _TRACEPARENT.fullmatch(parent) else nullcontext()
    context = _propagator.extract({"traceparent": parent}) if parent else None
    return trace.get_tracer("marquee").start_as_current_span(
        name, context=context, kind=kind, attributes=attributes
    )


def trace_statements(engine: Engine) -> None:
    """A span for each statement, without its parameters; costs nothing where spans go nowhere."""
    if not tracing():
        return
    tracer = trace.get_tracer("marquee")

    def begun(*arguments: Any) -> None:
        _connection, _cursor, statement, _parameters, context, _many = arguments
        context.marquee_span = tracer.start_span(
            "sql", kind=SpanKind.CLIENT, attributes={"db.query.text": statement}
        )

    def ended(*arguments: Any) -> None:
        arguments[4].marquee_span.end()

    def failed(trouble: ExceptionContext) -> None:
        span = getattr(trouble.execution_context, "marquee_span", None)
        if span is not None:
            span.set_status(StatusCode.ERROR)
            span.end()

    event.listen(engine, "before_cursor_execute", begun)
    event.listen(engine, "after_cursor_execute", ended)
    event.listen(engine, "handle_error", failed)


class _PassOn:
    """Makes a traceparent the current one for the length of a block."""

    def __init__(self, parent: str) -> None:
        self._parent = parent

    def __enter__(self) -> None:
        self._token = _passed_on.set(self._parent)

    def __exit__(self, *_raised: object) -> None:
        _passed_on.reset(self._token)
