"""Is it ready? One question for each kind of process."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import grpc
import httpx
from grpc_health.v1 import health_pb2
from prometheus_client.parser import text_string_to_metric_families

Probe = Callable[[], Awaitable[bool]]

TIMEOUT_SECONDS = 2.0
# In a row, before a loop is said to be failing: a neighbour that starts anew is no trouble.
FAILURES = 3


def grpc_health(port: int) -> Probe:
    """The standard health service says SERVING."""

    async def probe() -> bool:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                reply = await check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
            except grpc.aio.AioRpcError:
                return False
            return reply.status == health_pb2.HealthCheckResponse.SERVING

    return probe


def http_ok(url: str) -> Probe:
    """A GET answers 200."""

    async def probe() -> bool:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            try:
                return (await client.get(url)).status_code == HTTPStatus.OK
            except httpx.HTTPError:
                return False

    return probe


def listens(port: int) -> Probe:
    """Something accepts connections."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    return probe


async def failing_loops(port: int) -> dict[str, int]:
    """Background loops of the program whose metrics are at `port` that have failed again and again
    since they last worked, and how often."""
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        try:
            text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        except httpx.HTTPError:
            return {}  # its health says so
    return {
        sample.labels["loop"]: int(sample.value)
        for family in text_string_to_metric_families(text)
        if family.name == "loop_failures"
        for sample in family.samples
        if sample.value >= FAILURES
    }


async def _alive() -> bool:
    return True


def alive() -> Probe:
    """Nothing to ask: that it runs is all there is to know."""
    return _alive


async def answers(ask: Callable[[], bool]) -> bool:
    """A blocking question, asked in a thread."""
    return await asyncio.to_thread(ask)
