"""Text that people type: trimmed, composed, measured, and free of what no screen shows."""

import unicodedata

from chassis.errors import Invalid

_LINE_CHARACTERS = "\n\t"


def clean_text(
    value: str, *, field: str, max_length: int, min_length: int = 0, multiline: bool = False
) -> str:
    """Trimmed and NFC-normalised, or Invalid(field=...); lengths count code points.

    Control characters, NUL and lone surrogates are refused; line breaks and tabs only pass in
    `multiline` text, where a line ends with a newline alone.
    """
    if multiline:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    _refuse_unprintable(value, field, allowed=_LINE_CHARACTERS if multiline else "")
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > max_length:
        raise Invalid(f"must be at most {max_length} characters long", field=field)
    if len(text) < min_length:
        raise Invalid(_too_short(min_length), field=field)
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
