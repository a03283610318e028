"""TMDb's reference lists: configuration, languages, countries, certifications, providers."""

from functools import cache
from typing import Any

from tmdb_standin.details import COUNTRIES
from tmdb_standin.extras import CERTIFICATIONS, REGIONS, STREAMS
from tmdb_standin.posters import picture
from tmdb_standin.text import LANGUAGES
from tmdb_standin.vocabulary import vocabulary

Json = dict[str, Any]

CHANGE_KEYS = ("adult", "budget", "cast", "crew", "general", "genres", "images", "overview",
               "plot_keywords", "releases", "revenue", "runtime", "status", "tagline", "title",
               "translations", "videos")  # fmt: skip
OTHER_LANGUAGES = {
    "ar": ("Arabic", "العربية"), "cs": ("Czech", "Český"), "da": ("Danish", "Dansk"),
    "el": ("Greek", "ελληνικά"), "fi": ("Finnish", "suomi"), "he": ("Hebrew", "עִבְרִית"),
    "hu": ("Hungarian", "Magyar"), "nl": ("Dutch", "Nederlands"), "no": ("Norwegian", "Norsk"),
    "pl": ("Polish", "Polski"), "ro": ("Romanian", "Română"), "sv": ("Swedish", "svenska"),
    "th": ("Thai", "ภาษาไทย"), "tr": ("Turkish", "Türkçe"), "uk": ("Ukrainian", "Український"),
    "xx": ("No Language", "No Language"),
}  # fmt: skip
OTHER_COUNTRIES = {
    "AR": "Argentina", "AT": "Austria", "AU": "Australia", "BE": "Belgium", "CA": "Canada",
    "CH": "Switzerland", "CL": "Chile", "CZ": "Czech Republic", "DK": "Denmark", "EG": "Egypt",
    "FI": "Finland", "GR": "Greece", "HU": "Hungary", "IE": "Ireland", "NG": "Nigeria",
    "NL": "Netherlands", "NO": "Norway", "NZ": "New Zealand", "PL": "Poland", "PT": "Portugal",
    "RU": "Russia", "SE": "Sweden", "TR": "Turkey", "UA": "Ukraine", "ZA": "South Africa",
}  # fmt: skip
MEANINGS = ("For all.", "Parental guidance.", "Not for young children.", "For older teenagers.",
            "For adults only.")  # fmt: skip
POSTER_SIZES = ("w92", "w154", "w185", "w342", "w500", "w780", "original")
LOGO_SIZES = ("w45", "w92", "w154", "w185", "w300", "w500", "original")


def configuration(base_url: str) -> Json:
    """/3/configuration, with pictures served from here."""
    return {
        "change_keys": CHANGE_KEYS,
        "images": {
            "base_url": f"{base_url}/t/p/",
            "secure_base_url": f"{base_url}/t/p/",
            "backdrop_sizes": ["w300", "w780", "w1280", "original"],
            "logo_sizes": LOGO_SIZES,
            "poster_sizes": POSTER_SIZES,
            "profile_sizes": ["w45", "w185", "h632", "original"],
            "still_sizes": ["w92", "w185", "w300", "original"],
        },
    }


@cache
def languages() -> list[Json]:
    """/3/configuration/languages."""
    known = {tongue: (english, name) for tongue, (_, name, english) in LANGUAGES.items()}
    return [
        {"english_name": english, "iso_639_1": tongue, "name": name}
        for tongue, (english, name) in sorted((known | OTHER_LANGUAGES).items())
    ]


@cache
def countries() -> list[Json]:
    """/3/configuration/countries."""
    return [
        {"english_name": name, "iso_3166_1": code, "native_name": name}
        for code, name in sorted((COUNTRIES | OTHER_COUNTRIES).items())
    ]


@cache
def primary_translations() -> list[str]:
    """/3/configuration/primary_translations."""
    return [f"{tongue}-{country}" for tongue, (country, _, _) in LANGUAGES.items()]


def genres(language: str) -> Json:
    """/3/genre/movie/list."""
    return {
        "genres": [
            {"id": genre.genre_id, "name": genre.names.get(language, genre.names["en"])}
            for genre in vocabulary().genres
        ]
    }


@cache
def certifications() -> Json:
    """/3/certification/movie/list."""
    lists = {
        country: [
            {"certification": name, "meaning": MEANINGS[names.index(name)], "order": order}
            for order, name in enumerate(dict.fromkeys(names), 1)
        ]
        for country, names in CERTIFICATIONS.items()
    }
    return {"certifications": lists}


@cache
def providers() -> Json:
    """/3/watch/providers/movie."""
    return {
        "results": [
            {
                "display_priorities": dict.fromkeys(REGIONS, at),
                "display_priority": at,
                "logo_path": picture("l", provider_id),
                "provider_name": name,
                "provider_id": provider_id,
            }
            for at, (provider_id, name) in enumerate(STREAMS)
        ]
    }
