"""Text that people type: trimmed, composed, measured, and free of what no screen shows."""

import re
import unicodedata

from chassis.errors import Invalid

_LINE_CHARACTERS = "\n\t"

DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates: one left open turns the text around it on another's page."""
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e00ff"
)
"""What no screen shows, so that two names could look the same."""
UNJOINED = "\u0000-\u024f\u0370-\u052f\u1680\u1e00-\u206f\u3000"
"""Of Latin, Greek, Cyrillic, blanks and punctuation nothing is written with joiners."""

_DIRECTIONS = re.compile(f"[{DIRECTIONS}]")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_JOINED = re.compile(
    f"(?<=[^{UNJOINED}{INVISIBLE}])[\u200c\u200d](?=[^{UNJOINED}{INVISIBLE}])"
    "|\U0001f3f4[\U000e0061-\U000e007a]{2,6}\U000e007f"
)


def clean_text(
    value: str, *, field: str, max_length: int, min_length: int = 0, multiline: bool = False
) -> str:
    """Trimmed and NFC-normalised, or Invalid(field=...); lengths count code points.

    Control characters, NUL and lone surrogates are refused; line breaks and tabs only pass in
    `multiline` text, where a line ends with a newline alone, and which keeps its direction.
    """
    if multiline:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    _refuse_unprintable(value, field, allowed=_LINE_CHARACTERS if multiline else "")
    if multiline and _DIRECTIONS.search(value):
        raise Invalid("must not contain characters that turn its direction", field=field)
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > max_length:
        raise Invalid(f"must be at most {max_length} characters long", field=field)
    if len(text) < min_length:
        raise Invalid(_too_short(min_length), field=field)
    return text


def clean_name(value: str, *, field: str, max_length: int, min_length: int = 0) -> str:
    """A clean line by which others tell somebody or something; it hides nothing.

    Joiners pass between letters of scripts that need them and within emoji, and the tags of a
    region's flag.
    """
    text = clean_text(value, field=field, max_length=max_length, min_length=min_length)
    if _INVISIBLE.search(_JOINED.sub("", text)):
        raise Invalid(
            "must not contain invisible characters, but joiners within emoji and between letters "
            "of scripts that need them",
            field=field,
        )
    return text


def _refuse_unprintable(value: str, field: str, *, allowed: str) -> None:
    if value.isprintable():
        return
    for character in value:
        category = unicodedata.category(character)
        if category in {"Cc", "Cs"} and character not in allowed:
            raise Invalid("must not contain control characters", field=field)


def _too_short(min_length: int) -> str:
    if min_length == 1:
        return "must not be empty"
    return f"must be at least {min_length} characters long"
