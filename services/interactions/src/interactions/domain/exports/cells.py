"""What single cells mean: dates, scales, ids; whatever cannot be understood says why."""

import re
from datetime import UTC, datetime
from unicodedata import normalize

from interactions.domain.entries import HIGHEST_RATING, LOWEST_RATING, REVIEW_LENGTH, nearest_half
from interactions.domain.imports import Clue

_IMDB = re.compile(r"(?:tt)?([0-9]{1,10})")
_YEARS = range(1850, 2200)
_LARGEST_ID = 2**53
_TITLE_LENGTH = 500
_TITLE_AND_YEAR = re.compile(r"(.*\S)\s*\((\d{4})(?:[-\u2013]\d{0,4})?\)\s*")
# "Matrix, The": MovieLens sorts articles behind.
_ARTICLE = re.compile(r"(.*), (The|An?|L[ae']|Les|Il|El|Los|Las|D[ae]s|D[ie]e|Der|Une?)")
_DIGITS_OF_AN_IMDB_ID = 7
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Meaningless(Exception):
    """A cell says nothing we can use; the message says why, to the row's owner."""


def rating_of(text: str, *, highest: float) -> float:
    """A rating of a scale that ends at `highest`, to the nearest half of ours."""
    try:
        value = float(text)
    except ValueError as error:
        raise Meaningless(f"{text[:40]!r} is not a rating") from error
    scaled = value * HIGHEST_RATING / highest
    if not LOWEST_RATING <= scaled <= HIGHEST_RATING:  # NaN is not between them either
        lowest = LOWEST_RATING * highest / HIGHEST_RATING
        raise Meaningless(f"{text[:40]} is not a rating from {lowest:g} to {highest:g}")
    return nearest_half(scaled, field="rating")


def moment_of(text: str) -> datetime | None:
    """A date, or a date and time, in ISO 8601; UTC where no zone is named. None for none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Meaningless(f"{text[:40]!r} is not a date like 2024-12-31") from error


def seconds_of(text: str) -> datetime | None:
    """Seconds since 1970. None for none."""
    if not text:
        return None
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Meaningless(f"{text[:40]!r} is not a time in seconds") from error


def clue_of(*, movie_id: str = "", imdb_id: str = "", title: str = "", year: str = "") -> Clue:
    """Which movie is meant, from whatever is given."""
    clue = Clue(_id_of(movie_id), imdb_id_of(imdb_id), _title(title), _year(year))
    if clue.empty:
        raise Meaningless("it names no movie")
    return clue


def imdb_id_of(text: str) -> str:
    """tt0114709 from itself or from its digits; '' for anything else."""
    found = _IMDB.fullmatch(text.strip())
    return f"tt{found.group(1).zfill(_DIGITS_OF_AN_IMDB_ID)}" if found else ""


def split_title(text: str) -> tuple[str, str]:
    """Title and year of `Toy Story (1995)`, of `Matrix, The (1999)` as everybody calls it, and
    of `Seven (a.k.a. Se7en) (1995)` without its other title."""
    if len(text) > _TITLE_LENGTH:
        return text, ""
    found = _TITLE_AND_YEAR.fullmatch(text)
    title, year = (found.group(1), found.group(2)) if found else (text, "")
    title = _without_others(title)
    sorted_behind = _ARTICLE.fullmatch(title)
    if sorted_behind is None:
        return title, year
    rest, article = sorted_behind.groups()
    return f"{article}{'' if article.endswith(chr(39)) else ' '}{rest}", year


def _without_others(title: str) -> str:
    """Without other titles behind it, in parentheses: "Seven (a.k.a. Se7en)", and before an
    article, "Dolce Vita, La (Sweet Life, The)"."""
    while (place := _last_parentheses(title)) > 0:
        rest = title[:place].rstrip()
        if not rest or rest.lower().endswith(" or"):
            break
        title = rest
    return title


def _last_parentheses(title: str) -> int:
    """Where those begin that end it and hold something, with at most one pair within; 0 if none.

    Steps back from the end: a pattern would try each beginning anew, and a title of many would
    cost a hundredth of a second.
    """
    depth = 0
    for place in range(len(title) - 1, 0, -1):
        depth += (title[place] == ")") - (title[place] == "(")
        if depth not in (1, 2):
            return place if depth == 0 and place < len(title) - 2 else 0
    return 0


def review_of(text: str) -> str:
    """A review that can be kept whole."""
    review = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(review) > REVIEW_LENGTH:
        raise Meaningless(f"its review is longer than {REVIEW_LENGTH:,} characters")
    if not _is_text(review.replace("\n", "").replace("\t", "")):
        raise Meaningless("its review holds characters that no text has")
    if _DIRECTIONS.search(review):
        raise Meaningless("its review holds characters that turn its direction")
    return review


def _id_of(text: str) -> int:
    """A TMDb id; 0 for anything else."""
    digits = text.strip().removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 17):
        return 0
    return int(digits) if int(digits) < _LARGEST_ID else 0


def _title(text: str) -> str:
    title = normalize("NFC", text).strip()
    if len(title) > _TITLE_LENGTH:
        raise Meaningless(f"its title is longer than {_TITLE_LENGTH} characters")
    if not _is_text(title):
        raise Meaningless("its title holds characters that no text has")
    return title


def _year(text: str) -> int:
    year = text.strip()[:4]
    return int(year) if year.isascii() and year.isdigit() and int(year) in _YEARS else 0


def _is_text(text: str) -> bool:
    return text.isprintable() or not any(
        character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"
        for character in text
    )
