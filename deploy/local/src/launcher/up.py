"""`up`: from an empty folder to a suite that answers, and then the watch over it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager

import httpx

from launcher import first_run, migrate, orphans
from launcher.backing import SERVICES, Backing, Servers
from launcher.chores import Chores
from launcher.detach import Report
from launcher.forking import Nursery
from launcher.output import Say, Terminal
from launcher.settings import Failure, LocalSettings
from launcher.state import State, is_free
from launcher.suite import Suite
from launcher.supervisor import Supervisor
from launcher.units import Program, ProgramSpec, Unit
from launcher.welcome import Welcome

STATUS = "status.json"


def up_attached(settings: LocalSettings) -> int:
    """Run the suite in front of a person, every process's lines on the terminal."""
    terminal = Terminal(verbose=True)
    asyncio.run(Launcher(settings, terminal, terminal.say).run(on_ready=lambda: None))
    return 0


def up_reporting(settings: LocalSettings, report: Report) -> int:
    """Run the suite in the background; how its start went goes to whoever waits for it."""
    terminal = Terminal(verbose=False)

    def say(line: str) -> None:
        terminal.say(line)
        report.say(line)

    try:
        asyncio.run(Launcher(settings, terminal, say).run(on_ready=report.end))
    except Failure as failure:
        terminal.say(str(failure))
        report.end(str(failure))
        return 1
    except BaseException as error:
        report.end(f"the launcher broke: {error!r}")
        raise
    report.end("it was stopped before it was ready")
    return 0


class Launcher:
    """One run of one suite."""

    def __init__(self, settings: LocalSettings, terminal: Terminal, say: Say) -> None:
        self._settings = settings
        self._state = State(settings.state)
        self._terminal = terminal
        self._say = say
        self._supervisor = Supervisor(say=say, changed=self._write_status)
        state = self._state
        self._nursery = Nursery(logs=state.logs, folder=state.folder, say=say)
        self._chores = Chores(self._nursery.start_program, state.folder)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Bring the suite up, tell how to use it, keep it up until told to stop."""
        stopped = asyncio.Event()
        with self._holding_the_state(), self._listening_for_the_end(stopped):
            try:
                if await _unless(stopped, self._bring_up()):
                    on_ready()
                    await _unless(stopped, self._report_progress())
                    await stopped.wait()
            finally:
                self._say("stopping")
                await self._supervisor.stop()
                self._say("stopped")

    @contextmanager
    def _holding_the_state(self) -> Generator[None]:
        self._state.prepare()
        self._state.take()
        try:
            self._state.write_json(STATUS, {"launcher": os.getpid(), "processes": []})
            orphans.mark(self._settings.state)
            left = orphans.sweep(self._settings.state)
            if left:
                self._say(f"ended {left} processes that an earlier run left behind")
            self._state.forget_taken_ports()
            yield
        finally:
            self._state.write_json(STATUS, {"processes": []})
            self._state.release()

    @contextmanager
    def _listening_for_the_end(self, stopped: asyncio.Event) -> Generator[None]:
        loop = asyncio.get_running_loop()

        def end(number: signal.Signals) -> None:
            if stopped.is_set() and number == signal.SIGINT:  # a second Ctrl-C: no more patience
                self._supervisor.kill()
            stopped.set()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, end, number)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def _bring_up(self) -> None:
        started = time.monotonic()
        if not is_free(self._settings.port):
            raise Failure(
                f"port {self._settings.port} is taken by another program; "
                f"choose another: MARQUEE_PORT={self._settings.port + 10} ./marquee up"
            )
        suite = Suite(self._settings, self._state, await self._start_servers())
        stages = suite.programs()
        suite.write_files()
        await self._migrate(suite)
        self._say("starting the services")
        units = [[self._program(spec) for spec in stage] for stage in stages]
        await asyncio.gather(
            self._supervisor.start(*units), first_run.prepare(suite, self._state, self._chores)
        )
        self._say(f"ready after {time.monotonic() - started:.1f} s; waiting for the first movies")
        self._say(await Welcome(self._base_url, self._state).text())

    async def _start_servers(self) -> Backing:
        self._say("starting PostgreSQL and Valkey")
        servers = Servers(self._settings, self._state)
        nursery = [self._nursery] if Nursery.supported else []
        await self._supervisor.start(nursery, servers.units)
        await asyncio.to_thread(servers.prepare_databases)
        return servers.backing()

    async def _migrate(self, suite: Suite) -> None:
        self._say("migrating the databases")
        urls = {name: suite.environment(name)["DATABASE_URL"] for name in SERVICES}
        environment = {migrate.URLS: json.dumps(urls)}
        await self._chores.run("the migration", "launcher.migrate", environment=environment)

    def _program(self, spec: ProgramSpec) -> Unit:
        state = self._state
        sink = self._terminal.process_line
        starter = self._nursery.start_program
        return Program(spec, logs=state.logs, folder=state.folder, sink=sink, starter=starter)

    async def _report_progress(self) -> None:
        welcome = Welcome(self._base_url, self._state)
        try:
            async for line in welcome.progress():
                self._say(line)
        except httpx.HTTPError as error:
            self._say(f"cannot tell how far the sync is: {error}")

    def _write_status(self, rows: list[dict[str, object]]) -> None:
        content = {"launcher": os.getpid(), "url": self._base_url, "processes": rows}
        self._state.write_json(STATUS, content)

    @property
    def _base_url(self) -> str:
        return f"http://127.0.0.1:{self._settings.port}"


async def _unless(stopped: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do the work unless told to stop first; whether it was done."""
    task = asyncio.ensure_future(work)
    waiter = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        for each in (task, waiter):
            each.cancel()
        await asyncio.gather(task, waiter, return_exceptions=True)
