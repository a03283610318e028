"""A started process, however it was started: its id, its output, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chassis.embedded import death_guard

_LINE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Child:
    """One process in a group of its own."""

    pid: int
    output: asyncio.StreamReader
    wait: Callable[[], Awaitable[int]]


async def execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    descriptors: Sequence[int] = (),
) -> Child:
    """Start a program; on Linux it is told to end when the launcher dies."""
    transport, protocol = await asyncio.get_running_loop().subprocess_exec(
        _Streaming,
        *death_guard(signal.SIGTERM),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
        cwd=folder,
        process_group=0,
        pass_fds=descriptors,
    )
    if protocol.stdout is None:
        raise OSError("the pipe for its output was not made")

    async def wait() -> int:
        await protocol.exited.wait()
        code = transport.get_returncode()
        assert code is not None  # noqa: S101 - asyncio sets it before it tells of the exit
        return code

    return Child(transport.get_pid(), protocol.stdout, wait)


class _Streaming(asyncio.subprocess.SubprocessStreamProtocol):
    """Tells of the exit when it happens.

    `Process.wait` would wait for the pipe's end as well, which a child left behind holds open.
    """

    def __init__(self) -> None:
        super().__init__(limit=_LINE_BYTES, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()


async def output_of(descriptor: int) -> asyncio.StreamReader:
    """The reading end of a pipe, as a stream."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader


async def end_of(pid: int) -> int:
    """The exit code of a child that asyncio did not start (Linux)."""
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    status = os.waitpid(pid, 0)[1]  # noqa: ASYNC222 - it has ended: this does not wait
    return os.waitstatus_to_exitcode(status)


def give_way(pid: int, niceness: int) -> None:
    """Put a process that has only just been started so far behind us."""
    with contextlib.suppress(ProcessLookupError):
        standing = os.getpriority(os.PRIO_PROCESS, pid)
        os.setpriority(os.PRIO_PROCESS, pid, standing + niceness)


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal a process and those it started, if there are any left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def python(*arguments: str) -> list[str]:
    """A command of this very environment's; -P keeps the working folder out of the imports."""
    return [sys.executable, "-P", *arguments]
