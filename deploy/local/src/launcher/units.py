"""What the supervisor keeps running: programs of ours, and servers out of their wheels."""

import asyncio
import contextlib
import os
import signal as signals
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from chassis.embedded import EmbeddedPostgres, EmbeddedValkey, StartError, death_guard
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


class Program:
    """A command in a process group of its own, its output read line by line."""

    stop_signal = signals.SIGTERM

    def __init__(self, spec: ProgramSpec, *, logs: Path, folder: Path, sink: LineSink) -> None:
        self.name, self.port = spec.name, spec.port
        self.log = logs / f"{spec.name}.log"
        self._spec = spec
        self._folder = folder
        self._sink = sink
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it in a new process group; on Linux it is told to end when the launcher dies."""
        self._process = await asyncio.create_subprocess_exec(
            *death_guard(self.stop_signal),
            *self._spec.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self._spec.environment},
            cwd=self._folder,
            process_group=0,
        )
        self._reader = asyncio.create_task(self._read(self._process.stdout))

    async def wait(self) -> int:
        """Its exit code; children that outlive it are killed, for they may hold its port."""
        if self._process is None or self._reader is None:
            return 0
        code = await self._process.wait()
        self._signal_group(self._process.pid, signals.SIGKILL)
        await self._reader
        return code

    async def ready(self) -> bool:
        """Whether it runs and its probe says yes."""
        return self.pid is not None and await self._spec.probe()

    def signal(self, number: signals.Signals) -> None:
        """Signal its whole group."""
        if self.pid is not None:
            self._signal_group(self.pid, number)

    @staticmethod
    def _signal_group(group: int, number: signals.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        if stream is None:
            return
        log = LogFile(self.log)
        rest = b""
        try:
            while chunk := await stream.read(CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > CHUNK_BYTES:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    log.write(line)
                    self._sink(self.name, line)
        finally:
            if rest:
                log.write(rest)
            log.close()


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


def python(*arguments: str) -> list[str]:
    """A command of this very environment's; -P keeps the working folder out of the imports."""
    return [sys.executable, "-P", *arguments]
