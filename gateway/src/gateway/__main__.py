"""python -m gateway serve | settings | openapi"""

import asyncio
import json
import signal
import sys
from typing import Any

import uvicorn

from chassis import telemetry
from chassis.logs import configure_logs
from chassis.service import print_settings, read_settings
from gateway import documents
from gateway.app import create, described
from gateway.settings import Settings

_USAGE = "usage: python -m gateway serve | settings | openapi\n"
_GRACE_SECONDS = 10


def main() -> int:
    """Run the command the arguments name; the answer is the exit code."""
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command == "settings":
        return print_settings(Settings)
    if command == "openapi":
        return _openapi()
    if command != "serve":
        sys.stderr.write(_USAGE)
        return 2
    settings = read_settings(Settings)
    if settings is None:
        return 2
    configure_logs("gateway", settings.log_level)
    telemetry.configure("gateway", settings.otlp_endpoint, settings.metrics_listen)
    return _serve(settings)


def _openapi() -> int:
    sys.stdout.write(
        json.dumps(documents.openapi(described()), indent=2, ensure_ascii=False) + "\n"
    )
    return 0


class _Server(uvicorn.Server):
    """Says that it is not ready before it stops taking connections."""

    def __init__(self, config: uvicorn.Config, app: Any, drain_seconds: float) -> None:
        super().__init__(config)
        self._gateway = app
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self._gateway.draining or sig == signal.SIGINT:
            super().handle_exit(sig, frame)
            return
        self._gateway.drain()
        loop = asyncio.get_running_loop()
        loop.call_later(self._drain_seconds, super().handle_exit, sig, frame)


def _serve(settings: Settings) -> int:
    host, _, port = settings.http_listen.rpartition(":")
    app = create(settings)
    config = uvicorn.Config(
        app,
        host=host.strip("[]"),
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=75,
        limit_concurrency=None,
        backlog=2048,
    )
    _Server(config, app, settings.drain_seconds).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
