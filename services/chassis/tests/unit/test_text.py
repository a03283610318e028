"""What people type."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from chassis.text import clean_text


def clean(value: str, *, min_length: int = 0, multiline: bool = False) -> str:
    return clean_text(
        value, field="note", max_length=100, min_length=min_length, multiline=multiline
    )


def test_text_is_trimmed_and_composed():
    assert clean("  Ame\u0301lie \u3000") == "Amélie"


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", "bell\a", "line\nbreak", "a\u0085b", "\x7f"])
def test_what_no_screen_shows_is_refused(bad):
    with pytest.raises(Invalid) as caught:
        clean(bad)
    assert caught.value.errors[0]["pointer"] == "/note"


def test_many_lines_may_have_line_breaks_and_tabs_only():
    assert clean("one\r\n\ttwo\rthree", multiline=True) == "one\n\ttwo\nthree"
    with pytest.raises(Invalid):
        clean("one\0two", multiline=True)


def test_length_counts_what_is_kept():
    assert clean(" " * 50 + "x" * 100 + " " * 50) == "x" * 100
    assert clean("e\u0301" * 100) == "é" * 100
    with pytest.raises(Invalid, match="at most 100"):
        clean("x" * 101)


def test_too_short_is_told_apart_from_empty():
    with pytest.raises(Invalid, match="must not be empty"):
        clean("   ", min_length=1)
    with pytest.raises(Invalid, match="at least 3"):
        clean("ab", min_length=3)


def test_emoji_of_several_code_points_stay_whole():
    family = "👨‍👩‍👧"
    assert clean(family) == family


@given(st.text())
def test_clean_text_is_refused_or_stays_as_it_is_when_cleaned_again(value):
    try:
        once = clean(value)
    except Invalid:
        return
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()
