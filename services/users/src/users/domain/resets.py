"""Password resets: a token that is mailed, works once and not for long."""

from datetime import timedelta

RESET_TOKEN_LIFE = timedelta(minutes=30)
MOST_RESET_MAILS = 5
RESET_MAILS_WINDOW = timedelta(hours=1)
"""So many mails in so long to one person, whoever asks for them."""

SUBJECT = "Your new password"


def mail_text(username: str, token: str, page: str) -> str:
    """What the mail says; `page` is the client's, and takes the token as a parameter."""
    if page:
        way = f"Choose a new one here:\n\n  {page}{'&' if '?' in page else '?'}token={token}"
    else:
        way = f"This token lets you choose a new one:\n\n  {token}"
    minutes = int(RESET_TOKEN_LIFE.total_seconds() // 60)
    return (
        f"Hello {username},\n\n"
        f"somebody, hopefully you, wants to replace your password. {way}\n\n"
        f"It works once, for {minutes} minutes. If it was not you, you need do nothing.\n"
    )
