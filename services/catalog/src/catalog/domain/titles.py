"""What a movie or a person is found by, misspelt or not."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from catalog.domain.movies import MovieRecord

TITLE_KEY_LENGTH: Final = 200
WORD_LENGTH: Final = 40
"""Longer words are found only as they are."""

_WORD_WITH_TWO_TYPOS: Final = 5
_LONG_WORD: Final = 16
_WORDS: Final = re.compile(r"[^\W_]+")


class _Unaccented(dict[int, int | None]):
    """For str.translate: what combines with another character is left out."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.combining(chr(code)) else code
        self[code] = kept
        return kept


_UNACCENTED: Final = _Unaccented()


def title_key(text: str) -> str:
    """A title as search compares it: no case, no accents, no punctuation."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKD", text.casefold()).translate(_UNACCENTED)
    key = " ".join(_WORDS.findall(folded))[:TITLE_KEY_LENGTH].rstrip()
    # A title of punctuation alone would be found by nothing: keep it as it is.
    return key or text.strip().casefold()[:TITLE_KEY_LENGTH]


def title_keys(record: MovieRecord) -> list[str]:
    """Everything a movie is found by: its titles in all languages, each once."""
    titles = [record.title, record.original_title, *(t.title for t in record.translations)]
    return list(dict.fromkeys(title_key(title) for title in titles if title))


def without_letters(word: str) -> list[str]:
    """The word, and its rests without one letter; without two where two may be wrong."""
    found = {word}
    for _ in range(2 if _WORD_WITH_TWO_TYPOS <= len(word) <= _LONG_WORD else 1):
        found |= {one[:at] + one[at + 1 :] for one in found for at in range(len(one))}
    return sorted(found - {""})


def nearest_words(word: str, candidates: Iterable[str], count: int) -> list[str]:
    """Those that somebody may have meant by `word`, by the number of typos, at most two."""
    most = 1 if len(word) < _WORD_WITH_TWO_TYPOS else 2
    ranked = sorted((typos(word, one, most), one) for one in candidates)
    return [one for distance, one in ranked if distance <= most][:count]


def typos(word: str, other: str, most: int) -> int:
    """Letters wrong, missing, too many or swapped with the next, as far as `most`; else more.

    The optimal string alignment distance (Damerau 1964), along the diagonal alone (Ukkonen 1985).
    """
    if abs(len(word) - len(other)) > most or len(set(word) ^ set(other)) > 2 * most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        now = [row] + [most + 1] * len(other)
        for column in range(max(1, row - most), min(len(other), row + most) + 1):
            cost = last[column - 1]
            if letter != other[column - 1]:
                cost = 1 + min(cost, now[column - 1], last[column])
                if row > 1 < column and (letter, word[row - 2]) == (
                    other[column - 2],
                    other[column - 1],
                ):
                    cost = min(cost, before[column - 2] + 1)
            now[column] = cost
        # A swap reaches back over two rows.
        if min(*now, *last) > most:
            return most + 1
        before, last = last, now
    return min(last[-1], most + 1)
