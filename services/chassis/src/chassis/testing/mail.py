"""A mail server for tests, which keeps what it is given."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller


class Postbox:
    """What was delivered, newest last. Who is called `later` or `never` is refused so, and what is
    sent to `full` or `spam` when it has been read."""

    def __init__(self) -> None:
        self.url = ""
        self.delivered: list[Message] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        refusals = {"later": "451 later", "never": "550 never"}
        refusal = refusals.get(address.partition("@")[0])
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a mail, with its envelope in two headers, or refuse it."""
        refusals = {"full": "452 no room", "spam": "554 nothing we take"}
        refusal = refusals.get(envelope.rcpt_tos[0].partition("@")[0])
        if refusal is not None:
            return refusal
        message = message_from_bytes(envelope.original_content)
        message["X-Envelope-From"] = envelope.mail_from
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        self.delivered.append(message)
        return "250 OK"


@contextmanager
def open_postbox() -> Generator[Postbox]:
    """A server on a free port of the loopback."""
    postbox = Postbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    postbox.url = f"smtp://127.0.0.1:{port}"
    try:
        yield postbox
    finally:
        controller.stop()
