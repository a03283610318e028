"""The launcher's side of the nursery."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

from launcher.children import Child, end_of, execute, output_of, python, signal_group
from launcher.nursery import MESSAGE_BYTES, become_subreaper
from launcher.output import LogFile, Say
from launcher.units import ProgramSpec, lines_of, start_anew

ANSWER_SECONDS = 10.0


class Nursery:
    """A unit like the others, and the quick way to start our programs."""

    stop_signal = signal.SIGTERM
    supported = sys.platform == "linux"

    def __init__(self, *, logs: Path, folder: Path, say: Say) -> None:
        self.name = "nursery"
        self.port: int | None = None
        self.log = logs / f"{self.name}.log"
        self._folder = folder
        self._say = say
        self._child: Child | None = None
        self._connection: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()
        self._is_ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None else None

    async def start(self) -> None:
        """Start it; it imports for a second or two."""
        become_subreaper()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            command = python("-m", "launcher.nursery", str(number), str(os.getpid()))
            self._child = await execute(command, {}, self._folder, descriptors=(number,))
        ours.settimeout(0)
        self._connection = ours
        self._reader = asyncio.create_task(self._look_after(self._child, ours))

    async def wait(self) -> int:
        """Its exit code; the programs it started live on."""
        if self._child is None or self._reader is None or self._connection is None:
            return 0
        code = await self._child.wait()
        self._child = None
        self._is_ready.clear()
        await self._reader
        self._connection.close()
        return code

    async def ready(self) -> bool:
        """Whether it has imported everything."""
        return self._is_ready.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Signal it alone: the programs are in groups of their own."""
        if self.pid is not None:
            signal_group(self.pid, number)

    async def start_program(self, spec: ProgramSpec, folder: Path) -> Child:
        """Fork the program, or start it in the plain way where that cannot be."""
        if spec.module and self._is_ready.is_set():
            try:
                async with self._asking, asyncio.timeout(ANSWER_SECONDS):
                    return await self._fork(spec, folder)
            except (OSError, TimeoutError, ValueError) as error:
                self._say(f"the nursery did not start {spec.name} ({error!r}); executing it")
        return await start_anew(spec, folder)

    async def _fork(self, spec: ProgramSpec, folder: Path) -> Child:
        if self._connection is None:
            raise OSError("there is no nursery")
        request = {
            "name": spec.name,
            "module": list(spec.module),
            "environment": {**os.environ, **spec.environment},
            "folder": str(folder),
            "niceness": spec.niceness,
        }
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._connection, [json.dumps(request).encode()], [writing])
        finally:
            os.close(writing)
        output = await output_of(reading)
        loop = asyncio.get_running_loop()
        reply = json.loads(await loop.sock_recv(self._connection, MESSAGE_BYTES))
        pid: int = reply["pid"]
        return Child(pid, output, lambda: end_of(pid))

    async def _look_after(self, child: Child, connection: socket.socket) -> None:
        log = LogFile(self.log)
        try:
            async with self._asking:
                await asyncio.get_running_loop().sock_recv(connection, MESSAGE_BYTES)
            self._is_ready.set()
            async for line in lines_of(child.output):
                log.write(line)
        except OSError as error:
            log.write(repr(error).encode())
        finally:
            log.close()
