"""python -m tmdb_standin serve | settings | prepare FOLDER QUERY."""

import argparse
import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server
from pydantic import SecretStr, ValidationError

from tmdb_standin.api import Api
from tmdb_standin.faults import Faults
from tmdb_standin.prepared import Unfit
from tmdb_standin.preparing import prepare
from tmdb_standin.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    asked = _parser().parse_args(arguments)
    if asked.command == "settings":
        show_settings()
        return 0
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] -- read from the environment
    except ValidationError as error:
        for name, problem in _problems(error).items():
            sys.stderr.write(f"STANDIN_{name.upper()}: {problem}\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        if asked.command == "prepare":
            prepare(settings, asked.folder, asked.query)
        elif _is_free(settings.host, settings.port):
            uvloop.run(serve(settings, Api(settings)))
        else:
            return 2
    except Unfit as unfit:
        sys.stderr.write(f"{unfit}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tmdb_standin")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer until stopped")
    commands.add_parser("settings", help="every setting with its meaning")
    preparing = commands.add_parser("prepare", help="write movies' answers of today beforehand")
    preparing.add_argument("folder", type=Path, help="9 kB a movie; STANDIN_PREPARED of the server")
    preparing.add_argument("query", help="of /3/movie/{id}, to the letter as it will be asked")
    return parser


def _is_free(host: str, port: int) -> bool:
    """Complain of a port in use: the server would share it (SO_REUSEPORT) and two would answer."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.stderr.write(f"cannot listen on {host}:{port}: {error.strerror}\n")
            return False
    return True


async def serve(settings: Settings, api: Api) -> None:
    """Answer until SIGTERM or SIGINT."""
    server = Server(
        api,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    logging.getLogger(__name__).info(
        "serving %s movies of seed %s on http://%s:%s/3",
        settings.size, settings.seed, settings.host, settings.port,
    )  # fmt: skip
    await server.serve()


def show_settings() -> None:
    """Print every setting with its value and meaning; secrets are masked."""
    refused, fields = _refused(), Settings.model_fields
    defaults = {name: fields[name].get_default(call_default_factory=True) for name in refused}
    known = Settings.model_validate(defaults | {"token": "told as set or as refused"})
    for name, field in fields.items():
        value = f"({refused[name]})" if name in refused else _shown(getattr(known, name))
        sys.stdout.write(f"STANDIN_{name.upper()}={value}\n    {field.description}\n")
    for name, field in Faults.model_fields.items():
        sys.stdout.write(f"        {name}: {field.description}\n")


def _refused() -> dict[str, str]:
    """Settings that are refused, each with the reason."""
    try:
        Settings()  # pyright: ignore[reportCallIssue] -- as above
    except ValidationError as error:
        return _problems(error)
    return {}


def _problems(error: ValidationError) -> dict[str, str]:
    """What is wrong, by the setting's name."""
    told: dict[str, str] = {}
    for problem in error.errors():
        name, *inner = map(str, problem["loc"])
        told[name] = ": ".join([*inner, problem["msg"]])
    return told


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return "(set)"
    return value.model_dump_json(exclude_defaults=True) if isinstance(value, Faults) else value


if __name__ == "__main__":
    sys.exit(main())
