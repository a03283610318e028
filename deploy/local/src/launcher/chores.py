"""Commands that run once and must succeed."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from launcher.children import python, signal_group
from launcher.probes import alive
from launcher.settings import Failure
from launcher.units import ProgramSpec, Starter

TAIL_LINES = 15


class Chores:
    """Runs Python modules to their end, started in the way the services are."""

    def __init__(self, starter: Starter, folder: Path) -> None:
        self._starter = starter
        self._folder = folder

    async def run(self, name: str, *module: str, environment: Mapping[str, str]) -> None:
        """Run `python -m` these; Failure with the last lines when it fails."""
        spec = ProgramSpec(
            name=module[0],
            command=python("-m", *module),
            probe=alive(),
            environment=environment,
            module=module,
        )
        child = await self._starter(spec, self._folder)
        try:
            output = await child.output.read()
            code = await child.wait()
        except asyncio.CancelledError:
            signal_group(child.pid, signal.SIGTERM)
            await child.wait()
            raise
        if code != 0:
            last = output.decode(errors="replace").splitlines()[-TAIL_LINES:]
            lines = "\n".join(f"    {line}" for line in last)
            raise Failure(f"{name} failed with code {code}:\n{lines}")
