"""structlog as JSON lines, and the request id that ties them together."""

import logging
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Set by whoever takes a request in; every log line and every call to a neighbour carries it."""

_QUIETED = (
    "sqlalchemy.engine", "kombu", "celery.redirected", "celery.worker.strategy",
    "celery.app.trace", "httpx", "httpcore", "amqp",
)  # fmt: skip


def configure_logs(service: str, level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers to standard output, as JSON lines.

    A command whose output somebody reads gives another `stream`.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Stamp(service),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_level(level)),
        cache_logger_on_first_use=True,
    )
    _route_standard_library(shared, level, stream or sys.stdout)


def _route_standard_library(
    shared: list[structlog.typing.Processor], level: str, stream: TextIO
) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=_level(level), force=True)
    for noisy in _QUIETED:
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _Stamp:
    """Adds what every line of this process has in common."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(
        self, _logger: object, _method: str, event: "MutableMapping[str, object]"
    ) -> "MutableMapping[str, object]":
        event["service"] = self._service
        if known := request_id.get():
            event["request_id"] = known
        return event


def _level(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]
