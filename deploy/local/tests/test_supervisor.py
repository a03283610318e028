"""Processes are started, started again and stopped; with real processes."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from launcher import orphans
from launcher.children import python
from launcher.probes import alive, listens
from launcher.settings import Failure
from launcher.state import State
from launcher.supervisor import Supervisor, restart_delay
from launcher.units import Program, ProgramSpec

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
LISTENS = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "


class Watch:
    """A supervisor, and all it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.rows: list[dict[str, object]] = []
        self.lines: list[bytes] = []
        self.supervisor = Supervisor(say=self.said.append, changed=self._changed)

    def program(self, name: str, code: str, *arguments: str, **options: Any) -> Program:
        options.setdefault("probe", alive())
        spec = ProgramSpec(name, python("-c", code, *arguments), **options)
        return Program(
            spec,
            logs=self.folder,
            folder=self.folder,
            sink=lambda _name, line: self.lines.append(line),
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    def _changed(self, rows: list[dict[str, object]]) -> None:
        self.rows = rows


@pytest.fixture
async def watch(tmp_path: Path):
    made = Watch(tmp_path)
    yield made
    await made.supervisor.stop()


async def test_a_killed_process_is_there_again_with_a_new_pid(watch: Watch):
    program = watch.program("sleeper", SLEEPS)
    await watch.supervisor.start([program])
    first = program.pid
    assert first is not None
    program.signal(signal.SIGKILL)
    await watch.until(lambda: program.pid not in {None, first})
    assert watch.said == ["sleeper ended with signal SIGKILL; starting it again"]
    assert watch.rows[0]["restarts"] == 1


async def test_a_program_stands_as_far_behind_as_it_should(watch: Watch):
    program = watch.program("humble", SLEEPS, niceness=3)
    await watch.supervisor.start([program])
    assert psutil.Process(program.pid).nice() == min(os.nice(0) + 3, 19)


async def test_children_of_a_killed_process_do_not_outlive_it(watch: Watch):
    waiting = "import signal; signal.pause()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {waiting!r}])"
    program = watch.program("parent", code)
    await watch.supervisor.start([program])
    parent = psutil.Process(program.pid)
    children: list[psutil.Process] = []
    await watch.until(lambda: bool(children) or bool(children.extend(parent.children())))
    child = children[0]
    parent.kill()
    await watch.until(lambda: _is_dead(child))


def _is_dead(process: psutil.Process) -> bool:
    """Gone, or ended and only not yet reaped by whoever inherited it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_bad_settings_end_the_start_with_the_last_lines_of_the_log(watch: Watch):
    code = "import sys; print('DATABASE_URL: is required'); sys.exit(2)"
    program = watch.program("users.serve", code, probe=listens(1))
    with pytest.raises(Failure, match=r"(?s)users\.serve ended with code 2.*DATABASE_URL"):
        await watch.supervisor.start([program])


async def test_one_that_ends_at_every_start_is_given_up(watch: Watch):
    program = watch.program("broken", "raise SystemExit('no luck')", probe=listens(1))
    with pytest.raises(Failure, match=r"(?s)broken ended with code 1 while starting.*no luck"):
        await watch.supervisor.start([program])


async def test_ready_means_that_the_probe_says_so(watch: Watch):
    port = State(watch.folder).port("listener")
    program = watch.program("listener", LISTENS + SLEEPS, str(port), probe=listens(port))
    await watch.supervisor.start([program])
    assert watch.rows[0]["state"] == "running"
    assert await listens(port)()


async def test_stopping_kills_what_ignores_the_signal(watch: Watch, monkeypatch):
    monkeypatch.setattr("launcher.supervisor.STOP_TIMEOUT_SECONDS", 0.2)
    program = watch.program("stubborn", STUBBORN)
    await watch.supervisor.start([program])
    await watch.until(lambda: watch.lines == [b"up"])
    await watch.supervisor.stop()
    assert program.pid is None
    assert watch.said == ["stubborn does not end; killing it"]


async def test_the_last_stage_is_stopped_first(watch: Watch):
    code = (
        "import signal, time; "
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye {0}', flush=True), exit())); "
        "print('up', flush=True); time.sleep(600)"
    )
    first = watch.program("below", code.format("below"))
    last = watch.program("above", code.format("above"))
    await watch.supervisor.start([first], [last])
    await watch.until(lambda: watch.lines.count(b"up") == 2)
    await watch.supervisor.stop()
    assert watch.lines[2:] == [b"bye above", b"bye below"]


async def test_a_line_without_end_does_not_stop_the_reading(watch: Watch):
    code = (
        "import sys; sys.stdout.write('x' * 300_000 + '\\nend\\n'); sys.stdout.flush(); " + SLEEPS
    )
    await watch.supervisor.start([watch.program("chatty", code)])
    await watch.until(lambda: b"end" in watch.lines)
    assert sum(len(line) for line in watch.lines if line.startswith(b"x")) == 300_000


def test_the_first_restart_is_at_once_and_later_ones_wait_longer():
    delays = [restart_delay(ends) for ends in range(1, 10)]
    assert delays[0] == 0
    assert delays[1:4] == [0.1, 0.2, 0.4]
    assert delays == sorted(delays)
    assert delays[-1] == 5.0


async def test_a_sweep_ends_what_a_dead_launcher_left_and_nothing_else(watch: Watch):
    ours = watch.program("ours", SLEEPS, environment={orphans.MARK: str(watch.folder)})
    other = watch.program("other", SLEEPS, environment={orphans.MARK: str(watch.folder) + "x"})
    await ours.start()
    await other.start()
    await watch.until(lambda: watch.lines == [b"up", b"up"])
    assert await asyncio.to_thread(orphans.sweep, watch.folder) == 1
    await ours.wait()
    assert other.pid is not None
    other.signal(signal.SIGKILL)
    await other.wait()
