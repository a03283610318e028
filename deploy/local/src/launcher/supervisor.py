"""Keeps units running: starts them, starts them again, stops them in reverse."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from launcher.output import Say, tail
from launcher.settings import Failure
from launcher.units import Unit

READY_TIMEOUT_SECONDS = 120.0
READY_POLL_SECONDS = 0.1
STOP_TIMEOUT_SECONDS = 20.0
# A unit that ends this often before it was ever ready will not become so by another try.
STARTS = 5
BAD_SETTINGS = 2
SETTLED_SECONDS = 10.0
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0
TAIL_LINES = 15


@dataclass
class Kept:
    """A unit and what has become of it."""

    unit: Unit
    task: asyncio.Task[None] | None = None
    was_ready: bool = False
    restarts: int = 0
    state: str = "starting"

    def row(self) -> dict[str, object]:
        """What `status` is told."""
        return {
            "name": self.unit.name,
            "pid": self.unit.pid,
            "port": self.unit.port,
            "state": self.state,
            "restarts": self.restarts,
        }


def restart_delay(quick_ends: int) -> float:
    """None the first time, so that an outage is short; then twice as long each time."""
    if quick_ends <= 1:
        return 0.0
    return min(FIRST_DELAY_SECONDS * 2.0 ** (quick_ends - 2), LONGEST_DELAY_SECONDS)


class Supervisor:
    """Owner of all units; `changed` hears of every change of their states."""

    def __init__(self, *, say: Say, changed: Callable[[list[dict[str, object]]], None]) -> None:
        self._say = say
        self._changed = changed
        self._stages: list[list[Kept]] = []
        self._stopping = False

    async def start(self, *stages: Sequence[Unit]) -> None:
        """Start all units at once and return when all are ready; Failure says which is not and why.

        Stages count when stopping: the last one goes first.
        """
        new = [[Kept(unit) for unit in stage] for stage in stages]
        self._stages += new
        started = [kept for stage in new for kept in stage]
        keepers = [self._begin(kept) for kept in started]
        waiting = [asyncio.create_task(self._until_ready(kept)) for kept in started]
        try:
            await _all_or_first_failure(waiting, keepers)
        finally:
            for task in waiting:
                task.cancel()

    async def stop(self) -> None:
        """Stop stage by stage, in reverse; kill what takes too long."""
        self._stopping = True
        for stage in reversed(self._stages):
            for kept in stage:
                kept.state = "stopping"
            await asyncio.gather(*(self._stop_one(kept) for kept in stage))
        self._report()

    def kill(self) -> None:
        """Nobody wants to wait any longer."""
        for stage in self._stages:
            for kept in stage:
                kept.unit.signal(signal.SIGKILL)

    def _begin(self, kept: Kept) -> asyncio.Task[None]:
        kept.task = asyncio.create_task(self._keep(kept))
        return kept.task

    async def _keep(self, kept: Kept) -> None:
        quick_ends = 0
        while not self._stopping:
            begun = time.monotonic()
            code = await self._run_once(kept.unit)
            if self._stopping:
                return
            lived = time.monotonic() - begun
            quick_ends = 1 if lived > SETTLED_SECONDS else quick_ends + 1
            self._check_start(kept, code, quick_ends)
            kept.state, kept.restarts = "restarting", kept.restarts + 1
            self._say(f"{kept.unit.name} ended with {_meaning(code)}; starting it again")
            self._report()
            await asyncio.sleep(restart_delay(quick_ends))

    async def _run_once(self, unit: Unit) -> int:
        try:
            await unit.start()
        except OSError as error:  # no memory or no process to be had now: later, perhaps
            self._say(f"{unit.name} cannot be started: {error}")
            return 1
        self._report()
        return await unit.wait()

    def _check_start(self, kept: Kept, code: int, ends: int) -> None:
        if not kept.was_ready and (code == BAD_SETTINGS or ends >= STARTS):
            raise Failure(_because(kept.unit, f"ended with {_meaning(code)} while starting"))

    async def _until_ready(self, kept: Kept) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while not await kept.unit.ready():
            if time.monotonic() > deadline:
                raise Failure(
                    _because(kept.unit, f"was not ready after {READY_TIMEOUT_SECONDS:.0f} s")
                )
            await asyncio.sleep(READY_POLL_SECONDS)
        kept.was_ready, kept.state = True, "running"
        self._report()

    async def _stop_one(self, kept: Kept) -> None:
        if kept.task is None:
            return
        if kept.unit.pid is None:
            kept.task.cancel()  # waiting to start it again
        kept.unit.signal(kept.unit.stop_signal)
        if not (await asyncio.wait([kept.task], timeout=STOP_TIMEOUT_SECONDS))[0]:
            self._say(f"{kept.unit.name} does not end; killing it")
            kept.unit.signal(signal.SIGKILL)
        with contextlib.suppress(asyncio.CancelledError, Failure):
            await kept.task
        kept.state = "stopped"

    def _report(self) -> None:
        everything = [kept for stage in self._stages for kept in stage]
        for kept in everything:
            if kept.state == "restarting" and kept.unit.pid is not None:
                kept.state = "running"
        self._changed([kept.row() for kept in everything])


async def _all_or_first_failure(
    wanted: list[asyncio.Task[None]], keepers: list[asyncio.Task[None]]
) -> None:
    pending: set[asyncio.Task[None]] = set(wanted)
    while pending:
        done, _ = await asyncio.wait(pending | set(keepers), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        pending -= done


def _because(unit: Unit, what: str) -> str:
    lines = "\n".join(f"    {line}" for line in tail(unit.log, TAIL_LINES))
    return f"{unit.name} {what}; the end of {unit.log}:\n{lines}"


def _meaning(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
