"""python -m tmdb_standin serve | settings."""

import argparse
import asyncio
import logging
import signal
import socket
import sys

from granian.constants import Interfaces
from granian.server.embed import Server
from pydantic import SecretStr, ValidationError

from tmdb_standin.api import Api
from tmdb_standin.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tmdb_standin")
    parser.add_argument("command", choices=("serve", "settings"))
    command = parser.parse_args(arguments).command
    if command == "settings":
        show_settings()
        return 0
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] -- read from the environment
    except ValidationError as error:
        for problem in error.errors():
            name = "STANDIN_" + "_".join(str(part) for part in problem["loc"]).upper()
            sys.stderr.write(f"{name}: {problem['msg']}\n")
        return 2
    try:
        _require_free(settings.host, settings.port)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}\n")
        return 2
    asyncio.run(serve(settings))
    return 0


def _require_free(host: str, port: int) -> None:
    """Refuse a port in use: the server would share it (SO_REUSEPORT) and two would answer."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


async def serve(settings: Settings) -> None:
    """Answer until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    server = Server(
        Api(settings),
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
    for name, field in Settings.model_fields.items():
        value = _value(name)
        sys.stdout.write(f"STANDIN_{name.upper()}={value}\n    {field.description}\n")


def _value(name: str) -> object:
    try:
        value = getattr(Settings(), name)  # pyright: ignore[reportCallIssue] -- as above
    except ValidationError:
        return "(unset or invalid)"
    if isinstance(value, SecretStr):
        return "(set)"
    return value.model_dump_json(exclude_defaults=True) if name == "faults" else value


if __name__ == "__main__":
    sys.exit(main())
