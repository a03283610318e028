"""Titles, languages, billing and imported genres."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.genres import GENRE_IDS, genres_and_tags
from catalog.domain.languages import Language, wanted_language
from catalog.domain.movies import CreditRecord, billed
from catalog.domain.titles import TITLE_KEY_LENGTH, nearest_words, title_key, typos, without_letters


def test_a_title_is_compared_without_case_accents_and_punctuation():
    assert title_key("  Amélie: The (Director's) Cut! ") == "amelie the director s cut"
    assert title_key("WALL·E") == "wall e"
    assert title_key("Straße") == "strasse"
    assert title_key("千と千尋の神隠し")


def test_a_title_of_punctuation_alone_is_still_found_by_itself():
    assert title_key("???") == "???"


@given(st.text(max_size=600))
def test_a_key_is_its_own_key_and_never_too_long_for_the_index(text):
    key = title_key(text)
    assert len(key) <= TITLE_KEY_LENGTH
    assert bool(key) == bool(text.strip())


def test_a_language_tag_is_read_with_or_without_its_region():
    assert wanted_language("pt-BR") == Language("pt", "BR")
    assert wanted_language("DE_at") == Language("de", "AT")
    assert wanted_language("sw") == Language("sw", "")
    for strange in ("", "123", "x" * 30, "de--", "日本"):
        assert wanted_language(strange).is_english or wanted_language(strange).code == "de"


def test_directors_come_first_then_the_cast_by_billing_then_the_crew():
    director = CreditRecord(1, "Directing", "Director", "", 0)
    writer = CreditRecord(2, "Writing", "Screenplay", "", 0)
    star, extra = CreditRecord(3, "Acting", "", "A", 0), CreditRecord(4, "Acting", "", "B", 9)
    shown = billed([extra, star, star], [writer, director])
    assert shown == (director, star, extra, writer)


def test_names_of_genres_elsewhere_become_tmdbs_and_all_others_keywords():
    genres, words = genres_and_tags(
        ["Sci-Fi", "children", "Musical", "Film-Noir", "IMAX", "(no genres listed)"], ["Fun", "fun"]
    )
    assert dict(genres) == {
        GENRE_IDS["Science Fiction"]: "Science Fiction",
        GENRE_IDS["Family"]: "Family",
        GENRE_IDS["Music"]: "Music",
    }
    assert sorted(name for _, name in words) == ["Film-Noir", "Fun", "IMAX"]
    assert all(keyword_id < 0 for keyword_id, _ in words)
    assert genres_and_tags([], ["fun"])[1][0][0] == genres_and_tags(["FUN"], [])[1][0][0]


WORD = st.text("abcdeé", min_size=1, max_size=12)


@given(WORD, st.integers(0, 11), st.sampled_from("abcx"))
def test_one_letter_wrong_missing_extra_or_swapped_is_one_typo(word, at, letter):
    at %= len(word)
    wrong, missing = word[:at] + letter + word[at + 1 :], word[:at] + word[at + 1 :]
    extra = word[:at] + letter + word[at:]
    swapped = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]
    for other in (wrong, missing, extra, swapped):
        assert typos(word, other, 2) == typos(other, word, 2) == (word != other)
        # What search looks words up by: something is left of both.
        rests = {other[:n] + other[n + 1 :] for n in range(len(other) + 1)}
        assert rests & set(without_letters(word)) or len(word) == 1


@given(WORD, WORD)
def test_typos_are_counted_the_same_both_ways_and_none_only_between_equals(one, other):
    assert typos(one, other, 12) == typos(other, one, 12)
    assert (typos(one, other, 12) == 0) == (one == other)
    assert typos(one, other, 1) == min(typos(one, other, 12), 2)


def test_the_nearest_words_come_first_and_a_short_word_may_have_one_typo():
    known = ["river", "rivet", "driver", "liver", "shiver", "over"]
    assert nearest_words("rvier", known, 2) == ["river", "driver"]
    assert nearest_words("rive", known, 9) == ["river", "rivet"]
