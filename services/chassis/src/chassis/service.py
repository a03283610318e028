"""One main for all services: `python -m <service> serve | background | work | beat | migrate …`."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
Command = Callable[[Any, list[str]], int]


@dataclass(frozen=True)
class Service:
    """What `main` must know of a service; its `wiring` module has the functions."""

    name: str
    settings: type[ServiceSettings]
    package: str
    """The import package, where `migrations` are found."""
    serve: Callable[[Any], None]
    background: Callable[[Any], None]
    work: Callable[[Any], None]
    commands: Mapping[str, Command] = field(default_factory=dict[str, Command])
    """More commands: given the settings and the arguments left, they return an exit code."""


def main(service: Service) -> int:
    """Run the command that the arguments name; the answer is the process's exit code."""
    commands = _commands(service)
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in commands:
        _print_usage(service, commands)
        return 0 if arguments in (["-h"], ["--help"]) else _USAGE_ERROR
    if arguments[0] == "settings":
        return print_settings(service.settings)
    settings = read_settings(service.settings)
    if settings is None:
        return _USAGE_ERROR
    long_running = arguments[0] in _LONG_RUNNING
    stream = sys.stdout if long_running else sys.stderr
    configure_logs(service.name, settings.log_level, stream=stream)
    if long_running:
        telemetry.configure(service.name, settings.otlp_endpoint, settings.metrics_listen)
    return commands[arguments[0]](settings, arguments[1:])


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
_DRAIN_SECONDS = 20


def _guarded(loop: Loop, stop: threading.Event, broken: list[BaseException]) -> None:
    try:
        loop(stop)
    except Exception as error:
        log.exception("a loop broke")
        broken.append(error)
    finally:
        stop.set()


def _commands(service: Service) -> dict[str, Command]:
    return {
        "serve": lambda settings, _rest: _ran(service.serve, settings),
        "background": lambda settings, _rest: _ran(service.background, settings),
        "work": lambda settings, _rest: _ran(service.work, settings),
        "beat": lambda settings, _rest: _beat(service, settings),
        "migrate": lambda settings, _rest: _migrate(service, settings),
        "settings": lambda _settings, _rest: 0,
        **service.commands,
    }


def _ran(function: Callable[[Any], None], settings: ServiceSettings) -> int:
    function(settings)
    return 0


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
        migrate(settings.database_url, service.package)
    except OperationalError as error:
        log.error("not migrated", error=str(error.orig).strip())  # noqa: TRY400 - no bug, no trace
        return 1
    return 0


def _print_usage(service: Service, commands: Mapping[str, Command]) -> None:
    sys.stderr.write(f"usage: python -m {service.package} {' | '.join(commands)}\n")


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
