"""Starts our Python programs by forking a process that has imported the libraries already.

Importing them costs each process more than a second of CPU; a fork costs milliseconds. So twenty
processes come up on two cores in seconds, and one that was killed answers again within one.
Only libraries are imported here: our own code is read anew at every start. Linux only; elsewhere,
and while the nursery is down, programs are executed as usual.

`python -m launcher.nursery <descriptor> <pid of the launcher>` is that process. For each request it
forks twice, so that the program becomes a child of the launcher, which is a subreaper.
"""

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

MESSAGE_BYTES = 256 * 1024
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
LIBRARIES = (
    "alembic.autogenerate",
    "alembic.command",
    "celery.app.amqp",
    "celery.beat",
    "celery.concurrency.thread",
    "celery.worker",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "fastapi",
    "google.rpc.error_details_pb2",
    "google.rpc.status_pb2",
    "grpc.aio",
    "grpc_health.v1.health",
    "grpc_health.v1.health_pb2_grpc",
    "grpc_reflection.v1alpha.reflection",
    "httpx",
    "implicit",
    "jwt",
    "kombu.transport.redis",
    "numpy",
    "opentelemetry.trace.propagation.tracecontext",
    "orjson",
    "prometheus_client",
    "psycopg2",
    "pydantic_settings",
    "redis.asyncio",
    "scipy.sparse.linalg",
    "sklearn.linear_model",
    "sparse_dot_topn",
    "threadpoolctl",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "structlog",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)


def become_subreaper() -> None:
    """Orphans among this process's descendants become its children rather than init's."""
    _prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def main(arguments: Sequence[str]) -> None:
    """Import, say so, fork on request; returns, in a fork, to be that program."""
    connection = socket.socket(fileno=int(arguments[0]))
    launcher = int(arguments[1])
    for library in LIBRARIES:
        _import(library)
    gc.collect()
    gc.freeze()  # what is shared stays shared: a collection would write to every page
    connection.send(b"{}")
    program = _serve(connection, launcher)
    if program is not None:
        connection.close()
        _become(program)


def _import(library: str) -> None:
    try:
        import_module(library)
    except ImportError as error:  # the program that needs it will say so itself
        sys.stderr.write(f"{library}: {error}\n")


def _serve(connection: socket.socket, launcher: int) -> dict[str, Any] | None:
    """Answer requests until the launcher is gone; in the forked program, its request."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
        if not message:
            return None
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            os.close(reading)
            program = os.fork()
            if program:
                os.write(writing, str(program).encode())
                os._exit(0)
            os.close(writing)
            _settle(descriptors[0], launcher)
            return json.loads(message)
        os.close(writing)
        os.close(descriptors[0])
        os.waitpid(between, 0)
        with os.fdopen(reading) as answer:
            connection.send(json.dumps({"pid": int(answer.read())}).encode())


def _settle(output: int, launcher: int) -> None:
    """In the fork: a group and an output of its own, and an end when the launcher ends."""
    os.setpgid(0, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    while os.getppid() != launcher:  # the process between is just ending
        if os.getppid() == 1:
            os._exit(1)
        time.sleep(0.001)
    _prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))
    if os.getppid() != launcher:
        os._exit(1)


def _become(program: Mapping[str, Any]) -> None:
    """Run the module as `python -P -m` would."""
    _prctl(PR_SET_NAME, ctypes.c_char_p(program["name"].encode()))
    os.nice(program["niceness"])
    os.environ.clear()
    os.environ.update(program["environment"])
    os.chdir(program["folder"])
    module, *rest = program["module"]
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _prctl(option: int, value: ctypes.c_ulong | ctypes.c_char_p) -> None:
    nothing = ctypes.c_ulong(0)
    ctypes.CDLL(None).prctl(option, value, nothing, nothing, nothing)


if __name__ == "__main__":
    main(sys.argv[1:])
