"""The commands besides `up`: each takes settings and arguments and returns an exit code."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import redis

from launcher import databases, orphans
from launcher.backing import SERVICES, Servers
from launcher.children import python
from launcher.detach import Report, start_detached
from launcher.locks import compile_lock
from launcher.probes import Probe, alive, failing_loops
from launcher.settings import Failure, LocalSettings, Usage
from launcher.state import State
from launcher.suite import Suite
from launcher.up import STATUS, up_attached, up_reporting

NOT_RUNNING = 3
DOWN_TIMEOUT_SECONDS = 90.0
POLL_SECONDS = 0.1
LOG_LINES = 100
LIMIT_KEYS = "limit:*"


def up(settings: LocalSettings, arguments: list[str]) -> int:
    """Run the suite; --detach returns when it is ready."""
    if not arguments:
        return up_attached(settings)
    if arguments in (["--detach"], ["-d"]):
        start_detached(settings)
        return 0
    if len(arguments) == 1 and arguments[0].startswith("--report-to="):
        return up_reporting(settings, Report(int(arguments[0].partition("=")[2])))
    raise Usage("up [--detach]")


def down(settings: LocalSettings, arguments: list[str]) -> int:
    """Stop the suite."""
    if arguments:
        raise Usage("down")
    state = State(settings.state)
    if state.is_taken():
        _stop_launcher(state)
    elif not orphans.sweep(settings.state):
        print("not running")
        return 0
    print("stopped")
    return 0


def _stop_launcher(state: State) -> None:
    owner = state.owner()
    if owner is None:
        raise Failure("a launcher is just starting; try again")
    os.kill(owner, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_TIMEOUT_SECONDS
    while state.is_taken():
        if time.monotonic() > deadline:
            os.kill(owner, signal.SIGKILL)
            orphans.sweep(state.folder)
            return
        time.sleep(POLL_SECONDS)


def status(settings: LocalSettings, arguments: list[str]) -> int:
    """Every process with its pid, port and health, asked for now."""
    if arguments not in ([], ["--json"]):
        raise Usage("status [--json]")
    state = State(settings.state)
    running = state.is_taken()
    report = state.read_json(STATUS) if running else {}
    rows: list[dict[str, Any]] = report.get("processes", [])
    if rows:
        asyncio.run(_add_health(rows, _units(_as_started(settings, rows), state)))
    if arguments:
        print(json.dumps({"running": running, "url": None, **report}, indent=2))
    elif running:
        _print_table(report, rows)
    else:
        print("not running")
    return 0 if running else NOT_RUNNING


def _as_started(settings: LocalSettings, rows: list[dict[str, Any]]) -> LocalSettings:
    """The settings with the port the suite was started at, whatever is set now."""
    ports = [row["port"] for row in rows if row["name"] == "traefik" and row["port"]]
    return replace(settings, port=ports[0]) if ports else settings


class _Asked(NamedTuple):
    probe: Probe
    metrics_port: int | None = None


def _units(settings: LocalSettings, state: State) -> dict[str, _Asked]:
    servers = Servers(settings, state)
    programs = [
        spec for stage in Suite(settings, state, servers.backing()).programs() for spec in stage
    ]
    return {
        **{name: _Asked(probe) for name, probe in servers.probes().items()},
        **{spec.name: _Asked(spec.probe, spec.metrics_port) for spec in programs},
    }


async def _add_health(rows: list[dict[str, Any]], units: dict[str, _Asked]) -> None:
    async def ask(row: dict[str, Any]) -> None:
        unit = units.get(row["name"], _Asked(alive()))
        row["failing"] = {}
        if row["pid"] is None:
            row["health"] = "down"
        elif not await unit.probe():
            row["health"] = "unhealthy"
        elif unit.metrics_port and (failing := await failing_loops(unit.metrics_port)):
            row["health"], row["failing"] = "failing", failing
        else:
            row["health"] = "healthy"

    await asyncio.gather(*(ask(row) for row in rows))


def _print_table(report: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    print(f"launcher {report['launcher']}, {report['url']}")
    columns = ("name", "pid", "port", "health", "restarts")
    table = [columns, *[tuple(str(row[column] or "-") for column in columns) for row in rows]]
    widths = [max(len(line[number]) for line in table) for number in range(len(columns))]
    for line in table:
        cells = zip(line, widths, strict=True)
        print("  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip())
    for row in rows:
        for loop, times in row["failing"].items():
            print(
                f"{row['name']}: {loop} failed {times} times in a row; ./marquee logs {row['name']}"
            )


def logs(settings: LocalSettings, arguments: list[str]) -> int:
    """The last lines of one process's log, or of all; --follow goes on."""
    follow = [each for each in arguments if each in {"-f", "--follow"}]
    names = [each for each in arguments if each not in follow]
    files = _log_files(settings)
    unknown = [name for name in names if name not in files]
    if unknown or not files:
        known = ", ".join(files) or "none yet"
        raise Failure(f"no log of {', '.join(unknown) or 'anything'}; there are: {known}")
    chosen = [str(files[name]) for name in names or files]
    lines = LOG_LINES if names else LOG_LINES // 10
    return subprocess.run(
        ["tail", "-n", str(lines), *(["-F"] if follow else []), *chosen], check=False
    ).returncode


def _log_files(settings: LocalSettings) -> dict[str, Path]:
    state = State(settings.state)
    servers = {unit.name: unit.log for unit in Servers(settings, state).units}
    programs = {path.stem: path for path in sorted(state.logs.glob("*.log"))}
    return {name: path for name, path in {**servers, **programs}.items() if path.exists()}


def reset(settings: LocalSettings, arguments: list[str]) -> int:
    """Stop the suite and forget everything it holds."""
    if arguments not in ([], ["--yes"]):
        raise Usage("reset [--yes]")
    if not arguments and sys.stdin.isatty():
        answer = input(f"Remove every database and secret in {settings.state}? [y/N] ")
        if answer.strip().lower() not in {"y", "yes"}:
            print("nothing removed")
            return 1
    down(settings, [])
    if settings.database_admin_url:
        databases.drop(settings.database_admin_url, SERVICES)
    if settings.redis_streams_url or settings.redis_cache_url:
        print("the given Redis is left as it is: its databases may hold other things")
    State(settings.state).remove()
    print("reset")
    return 0


def reset_limits(settings: LocalSettings, arguments: list[str]) -> int:
    """Forget who has asked how often."""
    if arguments:
        raise Usage("reset-limits")
    url = Servers(settings, _running(settings)).backing().redis_cache_url
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter(match=LIMIT_KEYS, count=1000))
        removed = client.delete(*keys) if keys else 0
    print(f"{removed} counters reset")
    return 0


def mint_token(settings: LocalSettings, arguments: list[str]) -> int:
    """Sign a token with the real key: mint-token '<json claims>'."""
    if len(arguments) != 1:
        raise Usage("mint-token '<json claims>'")
    return _service_command(settings, "users", ["mint-token", *arguments])


def evaluate(settings: LocalSettings, arguments: list[str]) -> int:
    """Measure the recommender on files: MOVIELENS=<folder>, or as `recommender evaluate` has it."""
    folder = os.environ.get("MOVIELENS")
    if "--train" in arguments or not folder:
        return _on_files("evaluate", *arguments)
    out = settings.checkout / ".marquee" / "evaluation"
    code = _on_files("compare", "--movielens", folder, "--out", str(out), *arguments)
    if code == 0:
        print(f"table and charts: {out}")
    return code


def _on_files(*arguments: str) -> int:
    """A command of the recommender that needs no running suite."""
    return subprocess.run(python("-m", "recommender", *arguments), check=False).returncode


def run_python(settings: LocalSettings, arguments: list[str]) -> int:
    """Python inside the installed environment."""
    del settings
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - that is the command


def lock(settings: LocalSettings, arguments: list[str]) -> int:
    """Resolve requirements.lock anew from every pyproject.toml."""
    if arguments not in ([], ["--upgrade"]):
        raise Usage("lock [--upgrade]")
    return compile_lock(settings.checkout, upgrade=bool(arguments))


def _service_command(settings: LocalSettings, service: str, arguments: list[str]) -> int:
    state = _running(settings)
    suite = Suite(settings, state, Servers(settings, state).backing())
    environment = {**os.environ, **suite.environment(service)}
    return subprocess.run(
        python("-m", service, *arguments), env=environment, check=False
    ).returncode


def _running(settings: LocalSettings) -> State:
    state = State(settings.state)
    if not state.is_taken():
        raise Failure(f"not running (state {settings.state}); start it with ./marquee up")
    return state
