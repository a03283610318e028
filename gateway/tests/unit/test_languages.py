"""Accept-Language: what is wanted most of what a header names."""

import pytest

from gateway.languages import accepted_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de-AT"),
        ("pt-br, en", "pt-BR"),
        ("fr;q=0.1, de;q=0.9", "de"),
        ("fr;q=0.5, de;q=0.5", "fr"),
        ("en;q=0.5, *;q=0.8", "en"),
        ("de;q=0", "en"),
        ("de;q=0, fr ; q = 0.001", "fr"),
        ("de;q=much, fr;q=0.2", "fr"),
        ("tlh, de;q=0.2", "de"),
        ("zh-Hant-TW", "zh-TW"),
        ("zh-Hans", "zh-CN"),
        ("zh-hant", "zh-TW"),
        ("zh-Hant-HK, zh;q=0.9", "zh-HK"),
        ("sr-Latn-RS", "sr-RS"),
        ("sr-Latn", "sr"),
        ("es-419, es;q=0.9", "es-MX"),
        ("en-001", "en"),
        ("pt-419", "pt"),
        ("de;q=1.5, fr;q=0.2", "fr"),
        ("de;q=1.000, fr", "de"),
        ("zh-cmn-Hans-CN", "zh-CN"),
        ("fr;q=0.9," + " " * 989 + "de;q=0.1", "fr"),
        ("de-DE-1996", "de-DE"),
        ("de-CH-u-co-phonebk", "de-CH"),
        ("i-klingon", "en"),
        ("nonsense 17", "en"),
        ("de," * 100_000, "de"),
        ("-" * 100_000, "en"),
        ("\xe9, it;q=0.3", "it"),
    ],
)
def test_the_language_wanted_most_is_the_one_that_is_answered_in(
    header: str, language: str
) -> None:
    assert accepted_language(header) == language
