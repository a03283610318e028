"""Traces to a real collector, metrics over real HTTP; each process configures itself once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from chassis import telemetry
from chassis.keeper import free_port

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROGRAM = """
import sys, urllib.request
import sqlalchemy as sa
from chassis import database, telemetry

endpoint, port, url, parent = sys.argv[1:]
telemetry.configure("tests", endpoint, f"127.0.0.1:{port}")
store = database.connect(url, application_name="tests")
with telemetry.span("outer", parent=parent), store.begin() as connection:
    connection.execute(sa.text("select 42"))
    print(telemetry.traceparent())
telemetry.rpc_requests.labels("/a.B/C", "OK").inc()
print(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode())
"""


@pytest.fixture
def collector():
    """The endpoint of an OTLP collector and the spans it has been sent."""
    spans: list[Any] = []

    class Collector(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request, context):
            for resource in request.resource_spans:
                spans.extend(one for scope in resource.scope_spans for one in scope.spans)
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}", spans
    server.stop(None)


def test_spans_reach_the_collector_and_metrics_are_served(collector, database_url_for):
    endpoint, spans = collector
    arguments = [endpoint, str(free_port()), database_url_for("chassis"), PARENT]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    outer = next(span for span in spans if span.name == "outer")
    inner = next(span for span in spans if span.name == "sql")
    assert outer.trace_id.hex() == inner.trace_id.hex() == PARENT.split("-")[1]
    assert (outer.parent_span_id.hex(), inner.parent_span_id) == (
        PARENT.split("-")[2],
        outer.span_id,
    )
    assert outer.span_id.hex() in done.stdout.splitlines()[0]
    assert 'rpc_requests_total{code="OK",method="/a.B/C"} 1.0' in done.stdout


def test_a_trace_passes_through_where_spans_go_nowhere():
    with telemetry.span("outer", parent=PARENT), telemetry.span("inner"):
        assert telemetry.traceparent() == PARENT
    assert telemetry.traceparent() == ""


def test_what_is_no_traceparent_is_not_passed_on():
    with telemetry.span("outer", parent="x\r\nauthorization: mine"):
        assert telemetry.traceparent() == ""
