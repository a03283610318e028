"""Titles as GroupLens writes them."""

import pytest

from launcher.demo.movielens import titles


@pytest.mark.parametrize(
    ("written", "shown", "other"),
    [
        ("Heat", "Heat", ""),
        ("Matrix, The", "The Matrix", ""),
        ("Twelve Monkeys (a.k.a. 12 Monkeys)", "Twelve Monkeys", "12 Monkeys"),
        ("Dolce Vita, La (Sweet Life, The)", "La Dolce Vita", "The Sweet Life"),
        ("Vampire in Venice (Nosferatu a Venezia) (Nosferatu in Venice)",
         "Vampire in Venice", "Nosferatu a Venezia"),
        ("Fear(s) of the Dark (Peur(s) du noir)", "Fear(s) of the Dark", "Peur(s) du noir"),
        ("(500) Days of Summer", "(500) Days of Summer", ""),
        ("(Untitled)", "(Untitled)", ""),
        ("Birdman: Or (The Unexpected Virtue of Ignorance)",
         "Birdman: Or (The Unexpected Virtue of Ignorance)", ""),
        ("Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il)",
         "The Good, the Bad and the Ugly", "Il Buono, il brutto, il cattivo"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_title_is_shown_as_it_is_written_and_found_by_its_other_one(
    written: str, shown: str, other: str
) -> None:
    assert titles(written) == (shown, other)
