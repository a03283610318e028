"""Mails over SMTP, to a server that speaks it."""

import pytest
from pydantic import TypeAdapter, ValidationError
from structlog.testing import capture_logs

from chassis.errors import Invalid, Unavailable
from chassis.mail import LogMailer, Mail, MailUrl, SmtpMailer, mail_address, mailer_of

SENDER = "marquee@example.org"
MAIL = Mail("ada@example.org", "Grüße", "Dear Ada,\n\nall is well.\n")


def test_a_mail_arrives_as_it_was_written(postbox):
    mailer_of(postbox.url, SENDER).send(MAIL)
    (message,) = postbox.delivered
    assert message["X-Envelope-To"] == MAIL.to
    assert message["X-Envelope-From"] == SENDER
    assert message.get_content_type() == "text/plain"
    assert message.get_payload(decode=True).decode().splitlines() == MAIL.text.splitlines()
    assert {"Date", "Message-ID", "Auto-Submitted"} <= set(message.keys())


@pytest.mark.parametrize("name", ["later", "never"])
def test_a_refused_address_is_refused_for_now_or_for_ever(postbox, name):
    kind = Unavailable if name == "later" else Invalid
    with pytest.raises(kind):
        SmtpMailer(postbox.url, SENDER).send(Mail(f"{name}@example.org", "s", "t"))
    assert postbox.delivered == []


@pytest.mark.parametrize(("name", "kind"), [("full", Unavailable), ("spam", Invalid)])
def test_a_mail_refused_when_it_was_read_is_refused_for_now_or_for_ever(postbox, name, kind):
    with pytest.raises(kind):
        SmtpMailer(postbox.url, SENDER).send(Mail(f"{name}@example.org", "s", "t"))
    assert postbox.delivered == []


@pytest.mark.parametrize(
    "address",
    ["ada@example.org, eve@example.org", "ada,eve@example.org", "a\r\nBcc: e@x.org", "a@).org", ""],
)
def test_one_address_never_becomes_two(postbox, address):
    with pytest.raises(Invalid):
        SmtpMailer(postbox.url, SENDER).send(Mail(address, "s", "t"))
    assert postbox.delivered == []


@pytest.mark.parametrize(
    "address", ["jürgen@x.org", "a..b@x.org", ".a@x.org", "a.@x.org", "+(@a?.org", "a(b)@x.org"]
)
def test_what_no_mail_is_sent_to_is_known_before(postbox, address):
    with pytest.raises(Invalid) as refused:
        mail_address(address, field="email")
    assert refused.value.errors[0]["pointer"] == "/email"
    with pytest.raises(Invalid):
        SmtpMailer(postbox.url, SENDER).send(Mail(address, "s", "t"))


def test_a_subject_with_a_line_break_is_refused(postbox):
    with pytest.raises(Invalid):
        SmtpMailer(postbox.url, SENDER).send(Mail(MAIL.to, "a\r\nBcc: eve@example.org", "t"))


def test_a_password_is_not_sent_in_the_clear(postbox):
    url = postbox.url.replace("//", "//ada:secret@")
    with pytest.raises(Unavailable, match="encryption"):
        SmtpMailer(url, SENDER).send(MAIL)
    assert postbox.delivered == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_is_away_may_come_back(scheme):
    with pytest.raises(Unavailable):
        SmtpMailer(f"{scheme}://127.0.0.1:1", SENDER).send(MAIL)


def test_without_a_server_mails_are_logged():
    mailer = mailer_of("log://", SENDER)
    assert isinstance(mailer, LogMailer)
    with capture_logs() as logged:
        mailer.send(MAIL)
    assert logged[0]["text"] == MAIL.text
    assert MAIL.to not in str(logged)


@pytest.mark.parametrize("url", ["", "smtp://", "http://mail.example.org", "mail.example.org:25"])
def test_a_mail_url_is_checked_at_the_start(url):
    with pytest.raises(ValidationError):
        TypeAdapter(MailUrl).validate_python(url)
