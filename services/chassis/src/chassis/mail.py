"""Mails: written to the log, or sent by SMTP where a setting names a server."""

import re
import smtplib
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Annotated, Protocol
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import AfterValidator

from chassis.errors import Invalid, Unavailable

_TIMEOUT_SECONDS = 10.0
# Dot-atoms of RFC 5322, the domain in any script. The standard library's parser takes comments and
# obsolete spellings too, and leaves with errors of all kinds.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[^\x00-\x20\x7f\s@()<>\[\]:;,\\\".]+"
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(\.{_ATOM})*)@(?P<domain>{_LABEL}(\.{_LABEL})*)")
_PORTS = {"smtp": 25, "smtps": 465}

log = structlog.get_logger()


def _mail_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "log" or (parts.scheme in _PORTS and parts.hostname):
        return value
    raise ValueError("must be log://, or smtp:// or smtps:// with a host")


MailUrl = Annotated[str, AfterValidator(_mail_url)]
"""For settings: `log://`, `smtp://[user:password@]host[:port]` or `smtps://…`."""


@dataclass(frozen=True)
class Mail:
    """One mail in plain text to one address."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Delivers mails."""

    def send(self, mail: Mail) -> None:
        """Deliver it: Unavailable when that may work later, Invalid when it never will."""
        ...


def mailer_of(url: str, sender: str) -> Mailer:
    """The mailer a MailUrl names; `sender` is the address its mails come from."""
    return LogMailer() if urlsplit(url).scheme == "log" else SmtpMailer(url, sender)


class LogMailer:
    """Writes the whole mail to the log: for a machine of one's own, where no server is."""

    def send(self, mail: Mail) -> None:
        """Log it."""
        log.warning("mail not sent: MAIL_URL is log", subject=mail.subject, text=mail.text)


class SmtpMailer:
    """Speaks SMTP, with STARTTLS where the server offers it; a password never goes in the clear."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._implicit_tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender

    def send(self, mail: Mail) -> None:
        """Hand it to the server."""
        message = _message(mail, self._sender)
        try:
            with self._session() as session:
                session.send_message(message, self._sender, [mail.to])
        except smtplib.SMTPRecipientsRefused as error:
            code, _said = error.recipients[mail.to]
            if 400 <= code < 500:
                raise Unavailable("the mail server asks for patience") from error
            raise Invalid("the mail server refuses the address") from error
        except smtplib.SMTPDataError as error:
            if 400 <= error.smtp_code < 500:
                raise Unavailable("the mail server asks for patience") from error
            raise Invalid("the mail server refuses the mail") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Invalid("the mail server does not take such an address") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"the mail server does not answer: {error!r}") from error

    @contextmanager
    def _session(self) -> Generator[smtplib.SMTP]:
        with self._connected() as session:
            encrypted = self._implicit_tls
            session.ehlo()
            if not encrypted and session.has_extn("starttls"):
                session.starttls(context=ssl.create_default_context())
                session.ehlo()
                encrypted = True
            if self._user and not encrypted:
                raise Unavailable("the mail server offers no encryption to send a password by")
            if self._user:
                session.login(self._user, self._password)
            yield session

    def _connected(self) -> smtplib.SMTP:
        if not self._implicit_tls:
            return smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(self._host, self._port, timeout=_TIMEOUT_SECONDS, context=context)


def mail_address(address: str, *, field: str | None = None) -> Address:
    """The address as a mail's header has it, or Invalid: to no other is a mail ever sent."""
    parts = _ADDRESS.fullmatch(address)
    if parts is None:
        raise Invalid(
            "no mail can be sent to such an address: before the @ it may have ASCII letters, "
            "digits and signs, and dots only between others",
            field=field,
        )
    return Address(username=parts["local"], domain=parts["domain"])


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = mail_address(sender)
    message["To"] = mail_address(mail.to)
    try:
        message["Subject"] = mail.subject
    except ValueError as error:
        raise Invalid("no mail can have such a subject") from error
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
