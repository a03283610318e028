"""Server: a thread pool, real readiness, reflection, a bounded queue and a slow goodbye."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import grpc
import structlog
from google.protobuf import descriptor as protobuf
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis.identity import TokenVerifier
from chassis.message_sizes import ANSWER_BYTES, REQUEST_BYTES
from chassis.rpc.frame import Frame
from chassis.rpc.policy import policies
from chassis.settings import ServiceSettings
from chassis.signals import heed_signals

_WAITING_PER_WORKER = 8
_DRAIN_SECONDS = 10.0
_UNREADY_POLL_SECONDS = 0.2
_READY_POLL_SECONDS = 2.0

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", REQUEST_BYTES),
    ("grpc.max_send_message_length", ANSWER_BYTES),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_connection_age_ms", 45_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 4_000),
)

log = structlog.get_logger()


class Registration(NamedTuple):
    """One gRPC service and who answers it."""

    add: Callable[[Any, grpc.Server], None]
    """The generated `add_<Service>Servicer_to_server`."""
    servicer: object
    service_descriptor: protobuf.ServiceDescriptor
    """`pb.DESCRIPTOR.services_by_name["<Service>"]`, whose options hold the policy."""


def serve(
    *,
    listen: str,
    servicers: Sequence[Registration],
    settings: ServiceSettings,
    verifier: TokenVerifier,
    readiness: Callable[[], Mapping[str, bool]],
    closing: Sequence[Callable[[], None]] = (),
) -> "Server":
    """A server bound to `listen` (port 0 takes a free one); nothing is answered before `start`.

    `readiness` names what the service needs and says whether it is there; each name is also a
    health service of its own. `closing` is called after the last call has been answered.
    """
    descriptors = [registration.service_descriptor for registration in servicers]
    _refuse_streams(descriptors)
    workers = settings.grpc_workers
    server = grpc.server(
        ThreadPoolExecutor(workers, thread_name_prefix="rpc"),
        interceptors=[Frame(verifier, policies(descriptors))],
        options=_OPTIONS,
        maximum_concurrent_rpcs=workers * (1 + _WAITING_PER_WORKER),
    )
    names = [descriptor.full_name for descriptor in descriptors]
    for registration in servicers:
        registration.add(registration.servicer, server)
    checks = _Health(names, readiness)
    health_pb2_grpc.add_HealthServicer_to_server(checks.servicer, server)
    reflection.enable_server_reflection(
        [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    return Server(server, server.add_insecure_port(listen), checks, settings, closing)


class Server:
    """A running server; `wait` is the last line of a service's `serve`."""

    def __init__(
        self,
        server: grpc.Server,
        port: int,
        checks: "_Health",
        settings: ServiceSettings,
        closing: Sequence[Callable[[], None]],
    ) -> None:
        self.port = port
        self._server = server
        self._health = checks
        self._lame_seconds = settings.drain_seconds
        self._closing = closing
        self._stopping = threading.Event()
        self._heeding = False
        self._ending = threading.Lock()  # who stops and who waits end it both, one after the other
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()
        self._health.start()
        log.info("serving", port=self.port)

    def heed_signals(self) -> None:
        """From now on SIGTERM and SIGINT end `wait`, also when they come before it."""
        if not self._heeding:
            self._heeding = True
            heed_signals(self._stopping)

    def wait(self) -> None:
        """Answer until SIGTERM or SIGINT (or `stop` from another thread), then drain."""
        self.heed_signals()
        self._stopping.wait()
        if not self._stopped.is_set():
            self._drain()

    def stop(self, *, grace_seconds: float = 0.5) -> None:
        """End at once: calls being answered get `grace_seconds`."""
        self._stopping.set()
        self._end(grace_seconds)

    def _drain(self) -> None:
        log.info("draining")
        self._health.leave()
        self._stopped.wait(self._lame_seconds)  # until balancers have seen NOT_SERVING
        self._end(_DRAIN_SECONDS)

    def _end(self, grace_seconds: float) -> None:
        self._health.leave()
        self._server.stop(grace_seconds).wait()
        with self._ending:
            if not self._stopped.is_set():
                self._close()
                self._stopped.set()

    def _close(self) -> None:
        for close in self._closing:
            try:
                close()
            except Exception:
                log.exception("not closed")


class _Health:
    """Standard health: asks `readiness` often while something is missing, seldom when nothing."""

    def __init__(self, names: Sequence[str], readiness: Callable[[], Mapping[str, bool]]) -> None:
        self.servicer = health.HealthServicer()
        self._names = ("", *names)
        self._readiness = readiness
        self._leaving = threading.Event()
        self._missing: list[str] | None = None
        for name in self._names:
            self.servicer.set(name, _NOT_SERVING)

    def start(self) -> None:
        threading.Thread(target=self._watch, name="health", daemon=True).start()

    def leave(self) -> None:
        self._leaving.set()
        self.servicer.enter_graceful_shutdown()

    def _watch(self) -> None:
        while not self._leaving.is_set():
            self._look()
            self._leaving.wait(_UNREADY_POLL_SECONDS if self._missing else _READY_POLL_SECONDS)

    def _look(self) -> None:
        found = self._found()
        missing = sorted(name for name, there in found.items() if not there)
        for name, there in found.items():
            self.servicer.set(name, _SERVING if there else _NOT_SERVING)
        for name in self._names:
            self.servicer.set(name, _NOT_SERVING if missing else _SERVING)
        if missing != self._missing:
            log.info("ready" if not missing else "not ready", missing=missing)
        self._missing = missing

    def _found(self) -> Mapping[str, bool]:
        try:
            return self._readiness()
        except Exception:
            log.exception("readiness check failed")
            return {"readiness": False}


def _refuse_streams(descriptors: Sequence[protobuf.ServiceDescriptor]) -> None:
    for descriptor in descriptors:
        for method in descriptor.methods:
            if method.client_streaming or method.server_streaming:
                raise TypeError(f"{method.full_name} streams, and only unary methods are served")
