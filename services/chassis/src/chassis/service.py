"""One main for all services: `python -m <service> serve | background | work | beat | migrate …`."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Any, TypeVar

import structlog
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from chassis import telemetry
from chassis.logs import configure_logs
from chassis.settings import ServiceSettings
from chassis.signals import heed_signals

_USAGE_ERROR = 2

log = structlog.get_logger()

Read = TypeVar("Read", bound=BaseSettings)
Loop = Callable[[threading.Event], None]


@dataclass(frozen=True)
class Service:
    """What `main` must know of a service.

    Functions are named, as `module:function`, rather than given: a command that needs no server
    neither waits for it to be imported nor keeps it in memory.
    """

    name: str
    """The import package's too, where `migrations` are found."""
    settings: type[ServiceSettings]
    wiring: str
    """The module of `serve`, `background` and `work`, which take the settings."""
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    """More commands: given the settings and the arguments left, they return an exit code."""
    offline_commands: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those that need no settings, given the arguments left."""

    def function(self, command: str) -> Callable[..., Any]:
        """What runs for a command of this service's own."""
        named = {**self.commands, **self.offline_commands}
        return resolve_name(named.get(command, f"{self.wiring}:{command}"))


def main(service: Service) -> int:
    """Run the command that the arguments name; the answer is the process's exit code."""
    commands = (*_EVERYWHERE, *service.commands, *service.offline_commands)
    command, *arguments = sys.argv[1:] or [""]
    if command not in commands:
        sys.stderr.write(f"usage: python -m {service.name} {' | '.join(commands)}\n")
        return 0 if command in ("-h", "--help") else _USAGE_ERROR
    if command in service.offline_commands:
        return service.function(command)(arguments)
    if command == "settings":
        return print_settings(service.settings)
    settings = read_settings(service.settings)
    if settings is None:
        return _USAGE_ERROR
    long_running = command in _LONG_RUNNING
    stream = sys.stdout if long_running else sys.stderr
    configure_logs(service.name, settings.log_level, stream=stream)
    if long_running:
        telemetry.configure(service.name, settings.otlp_endpoint, settings.metrics_listen)
    return _run(service, command, settings, arguments)


def run_until_signalled(*loops: Loop) -> None:
    """Run each loop in a thread until SIGTERM or SIGINT; then tell all to stop and wait for them.

    A loop is called with the event that tells it to stop. One that breaks ends the process with
    a failure, for somebody outside to start it anew, rather than leave it half alive.
    """
    stop = threading.Event()
    broken: list[BaseException] = []
    heed_signals(stop)
    threads = [
        threading.Thread(target=_guarded, args=(loop, stop, broken), daemon=True) for loop in loops
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(_DRAIN_SECONDS)
    if broken:
        raise SystemExit(1)


_LONG_RUNNING = ("serve", "background", "work", "beat")
_EVERYWHERE = (*_LONG_RUNNING, "migrate", "settings")
_DRAIN_SECONDS = 20


def _guarded(loop: Loop, stop: threading.Event, broken: list[BaseException]) -> None:
    try:
        loop(stop)
    except Exception as error:
        log.exception("a loop broke")
        broken.append(error)
    finally:
        stop.set()


def _run(service: Service, command: str, settings: ServiceSettings, arguments: list[str]) -> int:
    match command:
        case "beat":
            return _beat(service, settings)
        case "migrate":
            return _migrate(service, settings)
        case "serve" | "background" | "work":
            service.function(command)(settings)
            return 0
        case _:
            return service.function(command)(settings, arguments)


def _beat(service: Service, settings: ServiceSettings) -> int:
    from chassis.jobs.celery import beat  # noqa: PLC0415 - heavy; used here alone

    names = [name.strip() for name in settings.beat_services.split(",") if name.strip()]
    run_until_signalled(
        lambda stop: beat(settings.redis_streams_url, names or [service.name], stop)
    )
    return 0


def _migrate(service: Service, settings: ServiceSettings) -> int:
    from chassis.migrations import migrate  # noqa: PLC0415 - heavy; used here alone

    try:
        migrate(settings.database_url, service.name)
    except OperationalError as error:
        log.error("not migrated", error=str(error.orig).strip())  # noqa: TRY400 - no bug, no trace
        return 1
    return 0


def read_settings(kind: type[Read]) -> Read | None:
    """The settings, or None after a line on standard error for each that is wrong."""
    try:
        return kind()  # pyright: ignore[reportCallIssue] - the environment fills it in
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            sys.stderr.write(_complaint(kind, problem) + "\n")
        return None


def _complaint(kind: type[BaseSettings], problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else ""
    known = kind.model_fields.get(name)
    meaning = f" ({known.description})" if known and known.description else ""
    said = "is required" if problem["type"] == "missing" else problem["msg"]
    return f"{name.upper()}: {said.removeprefix('Value error, ')}{meaning}"


def print_settings(kind: type[BaseSettings]) -> int:
    """Every variable with its value and meaning; works, and says so, where some are missing."""
    for name, info in kind.model_fields.items():
        sys.stdout.write(f"{name.upper()}={_shown(name, info)}\n    {info.description}\n")
    return 0 if read_settings(kind) is not None else _USAGE_ERROR


def _shown(name: str, info: FieldInfo) -> str:
    value = os.environ.get(name.upper())
    if value is None:
        return "(required, not set)" if info.is_required() else _default(info)
    if info.annotation is SecretStr:
        return "********"
    return _without_password(value) if name.endswith("_url") else value


def _default(info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=True, validated_data={})
    return str(default)


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "(not a URL)"
