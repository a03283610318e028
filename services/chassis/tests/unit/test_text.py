"""What people type."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from chassis.text import clean_name, clean_text


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


@pytest.mark.parametrize("turn", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_nothing_turns_the_direction_of_what_stands_around_it(turn):
    with pytest.raises(Invalid, match="direction"):
        clean(f"a{turn}b", multiline=True)
    with pytest.raises(Invalid, match="invisible"):
        clean_name(f"a{turn}b", field="name", max_length=10)


@pytest.mark.parametrize("mark", ["\u200e", "\u200f", "\u200d", "\ufeff", "\u00ad"])
def test_prose_may_hold_the_marks_of_its_script(mark):
    assert clean(f"a{mark}b", multiline=True) == f"a{mark}b"


@pytest.mark.parametrize(
    "sign",
    ["\u200b", "\u200e", "\u200f", "\ufeff", "\u00ad", "\u2060", "\u3164", "\u2800", "\U000e0041"],
)
def test_two_names_that_look_the_same_are_the_same(sign):
    with pytest.raises(Invalid, match="invisible") as caught:
        clean_name(f"Ada{sign}Ada", field="name", max_length=100)
    assert caught.value.errors[0]["pointer"] == "/name"


@pytest.mark.parametrize(
    "name",
    ["Ada\u200d", "\u200dAda", "A\u200cda", "Яд\u200dя", "Ada \u200d", "\u062e\u200c\u200c\u062e"],
)
def test_joiners_that_join_nothing_are_no_part_of_a_name(name):
    with pytest.raises(Invalid, match="invisible"):
        clean_name(name, field="name", max_length=100)


@pytest.mark.parametrize(
    "name",
    [
        "Ada Lovelace",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 at the movies",
        "\u2764\ufe0f\u200d\U0001f525",
        "\U0001f469\U0001f3fd\u200d\U0001f4bb",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "\u845b\U000e0100\u57ce",
        "\u05d3\u05e0\u05d4",
        "Amélie, the end\u2026",
    ],
)
def test_names_are_written_with_what_their_scripts_and_emoji_need(name):
    assert clean_name(name, field="name", max_length=100) == name
