"""Mails with recommendations: one a week, to those who want them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

SUBJECT = "Movies for you this week"
MOVIES = 10


def week_of(at: datetime) -> date:
    """The Monday of its week, UTC: a mail is one of these."""
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def mail_text(username: str, movies: Sequence[str]) -> str:
    """What the mail says; each movie is a title with its year."""
    shown = "\n".join(f"  - {movie}" for movie in movies)
    return (
        f"Hello {username},\n\n"
        f"these may be for you:\n\n{shown}\n\n"
        "You get this because recommendation mails are switched on in your preferences.\n"
    )
