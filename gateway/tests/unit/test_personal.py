"""Kept pages are found exactly as long as nothing they were made of has changed."""

from uuid import uuid4

from gateway.personal import Page, Pages

QUESTION = (uuid4(), b"page_size=5", "en")
PAGE = Page(b"{}", "tag", "auto", 5, sequence=7, preferences_version=2)


def kept() -> Pages:
    pages = Pages()
    pages.keep(QUESTION, PAGE)
    return pages


def test_a_page_is_found_by_whoever_has_done_nothing_since():
    assert kept().find(QUESTION, 7, 2) is PAGE
    assert kept().find(QUESTION, 6, 1) is PAGE


def test_a_write_or_a_changed_preference_makes_a_page_old():
    assert kept().find(QUESTION, 8, 2) is None
    assert kept().find(QUESTION, 7, 3) is None


def test_nothing_is_found_where_nobody_knows_what_was_done():
    assert kept().find(QUESTION, None, 2) is None
    assert kept().find(QUESTION, 7, None) is None


def test_another_person_query_or_language_has_another_page():
    person, query, language = QUESTION
    for other in ((uuid4(), query, language), (person, b"", language), (person, query, "de")):
        assert kept().find(other, 7, 2) is None


def test_what_changes_for_all_clears_all_and_nothing_is_kept_until_it_has_settled():
    pages = kept()
    pages.clear()
    assert pages.find(QUESTION, 7, 2) is None
    pages.keep(QUESTION, PAGE)
    assert pages.find(QUESTION, 7, 2) is None
