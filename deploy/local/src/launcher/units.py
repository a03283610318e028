"""What the supervisor keeps running: programs of ours, and servers out of their wheels."""

import asyncio
import contextlib
import os
import signal as signals
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from chassis.embedded import EmbeddedPostgres, EmbeddedValkey, StartError
from launcher.children import Child, execute, give_way, signal_group
from launcher.output import MAX_BYTES, LogFile, rotate
from launcher.probes import Probe, answers
from launcher.settings import Failure

POLL_SECONDS = 0.05
CHUNK_BYTES = 64 * 1024

LineSink = Callable[[str, bytes], None]


class Unit(Protocol):
    """One process that is started, watched and stopped."""

    name: str
    port: int | None
    log: Path

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        ...

    async def start(self) -> None:
        """Start the process, not waiting until it is of use."""
        ...

    async def wait(self) -> int:
        """Return its exit code once it has ended, with whatever it leaves behind cleared away."""
        ...

    async def ready(self) -> bool:
        """Whether it is of use now."""
        ...

    def signal(self, number: signals.Signals) -> None:
        """Signal it, and those it started; no process, no effect."""
        ...

    @property
    def stop_signal(self) -> signals.Signals:
        """What makes it end in good order."""
        ...


@dataclass(frozen=True)
class ProgramSpec:
    """A row of the process table."""

    name: str
    command: Sequence[str]
    probe: Probe
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    port: int | None = None
    # What Python runs, where the command is just that: such a program can be forked instead.
    module: Sequence[str] = ()
    # How far behind the others it stands where all want the processor: as `nice` counts.
    niceness: int = 0

    @property
    def metrics_port(self) -> int | None:
        """Where its metrics are, if it has any."""
        listen = self.environment.get("METRICS_LISTEN", "")
        return int(listen.rpartition(":")[2]) if listen else None


Starter = Callable[[ProgramSpec, Path], Awaitable[Child]]


async def start_anew(spec: ProgramSpec, folder: Path) -> Child:
    """The plain way: a new interpreter, or whatever the command says."""
    child = await execute(spec.command, spec.environment, folder)
    give_way(child.pid, spec.niceness)
    return child


class Program:
    """A command in a process group of its own, its output read line by line."""

    stop_signal = signals.SIGTERM

    def __init__(
        self,
        spec: ProgramSpec,
        *,
        logs: Path,
        folder: Path,
        sink: LineSink,
        starter: Starter = start_anew,
    ) -> None:
        self.name, self.port = spec.name, spec.port
        self.log = logs / f"{spec.name}.log"
        self._spec = spec
        self._folder = folder
        self._sink = sink
        self._starter = starter
        self._child: Child | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None else None

    async def start(self) -> None:
        """Start it in a new process group."""
        self._child = await self._starter(self._spec, self._folder)
        self._reader = asyncio.create_task(self._read(self._child.output))

    async def wait(self) -> int:
        """Its exit code; children that outlive it are killed, for they may hold its port."""
        if self._child is None or self._reader is None:
            return 0
        pid = self._child.pid
        code = await self._child.wait()
        self._child = None
        signal_group(pid, signals.SIGKILL)
        await self._reader
        return code

    async def ready(self) -> bool:
        """Whether it runs and its probe says yes."""
        return self.pid is not None and await self._spec.probe()

    def signal(self, number: signals.Signals) -> None:
        """Signal its whole group."""
        if self.pid is not None:
            signal_group(self.pid, number)

    async def _read(self, stream: asyncio.StreamReader) -> None:
        log = LogFile(self.log)
        try:
            async for line in lines_of(stream):
                log.write(line)
                self._sink(self.name, line)
        finally:
            log.close()


async def lines_of(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines without their ends; one that is too long comes in pieces."""
    rest = b""
    while chunk := await stream.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > CHUNK_BYTES:
            yield rest
            rest = b""
    if rest:
        yield rest


class Server:
    """PostgreSQL or Valkey as the chassis embeds them; it writes its own log."""

    def __init__(self, name: str, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        self.name = name
        self.port: int | None = server.port
        self.log = server.log_path
        self._server = server

    @property
    def stop_signal(self) -> signals.Signals:
        """PostgreSQL's is SIGINT."""
        return self._server.stop_signal

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._server.pid

    async def start(self) -> None:
        """Start it from this very thread: Linux's death signal is tied to it."""
        if self.log.exists() and self.log.stat().st_size > MAX_BYTES:
            rotate(self.log)
        try:
            self._server.spawn()
        except StartError as error:
            raise Failure(f"{self.name} cannot be started: {error}") from error

    async def wait(self) -> int:
        """It is no child of the event loop's: asked for rather than waited for."""
        while self._server.pid is not None:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(POLL_SECONDS)
        return 1

    async def ready(self) -> bool:
        """Whether it answers."""
        return self._server.pid is not None and await answers(self._server.ready)

    def signal(self, number: signals.Signals) -> None:
        """Signal the server; it looks after its own children."""
        pid = self._server.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
