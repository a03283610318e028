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
    process = await asyncio.create_subprocess_exec(
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
    if process.stdout is None:
        raise OSError("the pipe for its output was not made")
    return Child(process.pid, process.stdout, process.wait)


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


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal a process and those it started, if there are any left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def python(*arguments: str) -> list[str]:
    """A command of this very environment's; -P keeps the working folder out of the imports."""
    return [sys.executable, "-P", *arguments]
