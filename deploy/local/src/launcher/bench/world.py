"""Servers and programs of the suite for a measurement, in a state folder of their own."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg2
from sqlalchemy.engine import make_url

from chassis.embedded import death_guard
from launcher import databases
from launcher.backing import Servers
from launcher.bench.spending import Spent, cpu_seconds, run
from launcher.children import python
from launcher.probes import Probe
from launcher.settings import Failure, LocalSettings
from launcher.state import State
from launcher.suite import STAND_IN, Suite
from launcher.units import ProgramSpec, Unit

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class World:
    """What is running, and what it has cost so far."""

    def __init__(self, settings: LocalSettings, stack: ExitStack) -> None:
        self.state = State(settings.state)
        self.state.prepare()
        settings = replace(settings, port=self.state.port("traefik"))
        self._stack = stack
        self._servers = Servers(settings, self.state)
        self._pids: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for unit in self._servers.units:
            self._start_server(unit)
        self._servers.prepare_databases()
        self._suite = Suite(settings, self.state, self._servers.backing())
        self._suite.write_files()

    def environment(self, service: str) -> dict[str, str]:
        """What a program of this service is told."""
        if service == STAND_IN:
            return dict(self._spec(service).environment)
        return self._suite.environment(service)

    def run(self, *module: str, environment: Mapping[str, str] | None = None) -> Spent:
        """`python -m` these to its end."""
        log = self.state.logs / f"{'-'.join(module).replace('/', '_')}.log"
        told = {**self.environment(module[0]), **(environment or {})}
        return run(python("-m", *module), told, log)

    def start(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a program of the suite and return when it is ready."""
        spec = self._spec(name)
        log = self._stack.enter_context((self.state.logs / f"{name}.log").open("ab"))
        process = subprocess.Popen(
            [*death_guard(signal.SIGTERM), *spec.command],
            env={**os.environ, **spec.environment, **(environment or {})},
            stdout=log,
            stderr=log,
        )
        self._stack.callback(_stop, process)
        self._pids[name], self._processes[name] = process.pid, process
        _await(name, spec.probe, lambda: process.poll() is None)

    def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Stop a program of the suite, and start it told this; its cost begins anew."""
        _stop(self._processes[name])
        self.start(name, environment)

    def query(self, service: str, statement: str, *values: object) -> Sequence[Any]:
        """The first row of an answer of this service's database."""
        return next(iter(self.queries(service, statement, *values)), ())

    def queries(self, service: str, statement: str, *values: object) -> list[Sequence[Any]]:
        """All rows of an answer of this service's database."""
        with self._cursor(service) as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def execute(self, service: str, statement: str) -> None:
        """A statement without an answer."""
        with self._cursor(service) as cursor:
            cursor.execute(statement)

    def vacuum(self, service: str) -> None:
        """What autovacuum would have done by some hours later."""
        with closing(self._connected(service)) as connection:
            connection.autocommit = True  # VACUUM will have it so
            connection.cursor().execute("vacuum (analyze)")

    def copy(self, service: str, statement: str, rows: IO[Any]) -> None:
        """COPY ... FROM STDIN, or TO STDOUT."""
        with self._cursor(service) as cursor:
            cursor.copy_expert(statement, rows)

    @contextmanager
    def _cursor(self, service: str) -> Generator["psycopg2.extensions.cursor"]:
        with closing(self._connected(service)) as one, one, one.cursor() as cursor:
            yield cursor

    def _connected(self, service: str) -> "psycopg2.extensions.connection":
        url = make_url(self.environment(service)["DATABASE_URL"]).set(drivername="postgresql")
        return psycopg2.connect(url.render_as_string(hide_password=False))

    @property
    def running(self) -> list[str]:
        """Names of all that has been started here."""
        return list(self._pids)

    def port(self, name: str) -> int:
        """The port of loopback that a program listens on."""
        return self.state.port(name)

    def cpu_seconds(self, *names: str) -> float:
        """CPU time so far of these, by name; `postgres` is every process of the server."""
        return cpu_seconds(self._pids[name] for name in names)

    def request_seconds(self, service: str) -> float:
        """CPU time so far of a service's answers: its own, and that of its database connections."""
        return self.cpu_seconds(f"{service}.serve") + self.connection_seconds(service)

    def connection_seconds(self, service: str) -> float:
        """CPU time so far of a service's connections to PostgreSQL, as far as they are open.

        What PostgreSQL does beside them (vacuuming after a sync, say) is nobody's cost.
        """
        title = f"postgres: {databases.name_of(service)} "
        server = psutil.Process(self._pids["postgres"])
        return cpu_seconds(one.pid for one in server.children() if _title(one).startswith(title))

    def _spec(self, name: str) -> ProgramSpec:
        return next(one for stage in self._suite.programs() for one in stage if one.name == name)

    def _start_server(self, unit: Unit) -> None:
        asyncio.run(unit.start())
        self._stack.callback(_end, unit)
        _await(unit.name, unit.ready, lambda: unit.pid is not None)
        if unit.pid is not None:
            self._pids[unit.name] = unit.pid


@contextmanager
def world(settings: LocalSettings, *, size: int, folder: Path | None = None) -> Generator[World]:
    """A world with a catalogue of this size; in `folder`, which stays, or in one that does not."""
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="marquee-bench-")))
        own = replace(settings, state=folder.resolve(), catalog_size=size, tmdb_read_token="",
                      tmdb_api_key="")  # fmt: skip
        yield World(own, stack)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _await(name: str, ready: Probe, lives: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not asyncio.run(_ask(ready)):
        if not lives() or time.monotonic() > deadline:
            raise Failure(f"{name} did not start")
        time.sleep(0.1)


async def _ask(ready: Probe) -> bool:
    return await ready()


def _end(unit: Unit) -> None:
    unit.signal(unit.stop_signal)
    asyncio.run(_wait(unit))


async def _wait(unit: Unit) -> None:
    await unit.wait()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
