"""Commands that run once and must succeed."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence

from chassis.embedded import death_guard
from launcher.settings import Failure

TAIL_LINES = 15


async def run(name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What the command prints; Failure with its last lines when it fails."""
    process = await asyncio.create_subprocess_exec(
        *death_guard(signal.SIGTERM),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
        process_group=0,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    text = output.decode(errors="replace")
    if process.returncode != 0:
        lines = "\n".join(f"    {line}" for line in text.splitlines()[-TAIL_LINES:])
        raise Failure(f"{name} failed with code {process.returncode}:\n{lines}")
    return text
