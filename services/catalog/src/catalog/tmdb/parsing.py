"""TMDb's bytes into what the catalog keeps: complete and valid, or refused with a reason."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from catalog.domain import (
    CollectionRecord,
    CreditRecord,
    MovieRecord,
    PersonRecord,
    TranslationRecord,
    VideoRecord,
    Votes,
    billed,
)
from catalog.tmdb import shapes
from catalog.tmdb.errors import BadAnswer

PARSER_VERSION = 1
"""Grows when a record that was refused may pass the new rules."""

_OFFERS = (
    ("flatrate", "stream"),
    ("rent", "rent"),
    ("buy", "buy"),
    ("free", "free"),
    ("ads", "ads"),
)
_THEATRICAL = 3
_NUL = b"\\u0000"
_KNOWN = frozenset(shapes.Movie.__annotations__) | shapes.NOT_NEEDED

Shape = TypeVar("Shape")


def parsed(shape: TypeAdapter[Shape], body: bytes) -> Shape:
    """An answer in its shape, or BadAnswer naming the first place that is wrong."""
    try:
        return shape.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadAnswer(f"{where}: {first['msg']}", body) from error


def json_body(body: bytes) -> bytes:
    """A body kept as it is, provided that it is JSON at all."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"body: {error}", body) from error
    return body


def movie_record(movie_id: int, body: bytes, unknown: Counter[str] | None = None) -> MovieRecord:
    """The movie in an answer, which must be the one that was asked for.

    `unknown` counts fields that TMDb did not send when this was written.
    """
    movie = parsed(shapes.MOVIE, without_nul(body))
    if unknown is not None:
        unknown.update(movie.keys() - _KNOWN)
    return _record(movie_id, movie, body)


def without_nul(body: bytes) -> bytes:
    """NUL cannot be stored and shows nothing; in JSON it comes only as an escape."""
    if _NUL not in body:
        return body
    try:
        return orjson.dumps(_stripped(orjson.loads(body)))
    except orjson.JSONDecodeError:
        return body  # whoever parses it says what is wrong


def _stripped(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "")
        case list():
            return [_stripped(one) for one in value]
        case dict():
            return {_stripped(name): _stripped(one) for name, one in value.items()}
        case _:
            return value


def _record(movie_id: int, movie: shapes.Movie, body: bytes) -> MovieRecord:
    if movie["id"] != movie_id:
        raise BadAnswer(f"id: asked for {movie_id}, answered {movie['id']}", body)
    if not (movie.get("title") or movie.get("original_title")):
        raise BadAnswer("title: there is none", body)
    try:
        released = _day(movie.get("release_date"))
    except ValueError as error:
        raise BadAnswer(f"release_date: {error}", body) from error
    people, billing = _people_and_credits(movie.get("credits") or {})
    fields: dict[str, Any] = {
        **_own_fields(movie),
        "release_date": released,
        **_parts(movie),
        "credits": billing,
    }
    votes = Votes(
        movie.get("popularity") or 0.0,
        movie.get("vote_average") or 0.0,
        movie.get("vote_count") or 0,
    )
    hashed = content_hash(fields, people)
    return MovieRecord(movie_id, votes=votes, people=people, content_hash=hashed, **fields)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _own_fields(movie: shapes.Movie) -> dict[str, Any]:
    title, original_title = movie.get("title"), movie.get("original_title")
    return {
        "title": title or original_title,
        "original_title": original_title or title,
        "original_language": movie.get("original_language") or "",
        "tagline": movie.get("tagline") or "",
        "status": movie.get("status") or "",
        "homepage": movie.get("homepage") or "",
        "runtime_minutes": max(movie.get("runtime") or 0, 0),
        "budget": movie.get("budget") or 0,
        "revenue": movie.get("revenue") or 0,
        "imdb_id": movie.get("imdb_id") or "",
        "adult": movie.get("adult") or False,
        "poster_path": movie.get("poster_path") or "",
        "backdrop_path": movie.get("backdrop_path") or "",
    }


def _parts(movie: shapes.Movie) -> dict[str, Any]:
    translations = _translations(movie.get("translations") or {})
    genres, words = movie.get("genres") or (), (movie.get("keywords") or {}).get("keywords") or ()
    countries, spoken = movie.get("production_countries") or (), movie.get("spoken_languages") or ()
    return {
        "overview": movie.get("overview")
        or _original_overview(movie.get("original_language"), translations),
        "collection": _collection(movie.get("belongs_to_collection")),
        "external_ids": _external_ids(movie.get("external_ids") or {}),
        "production_countries": _each_once(one.get("iso_3166_1") for one in countries),
        "spoken_languages": _each_once(one.get("iso_639_1") for one in spoken),
        "genres": tuple(sorted({one["id"]: one.get("name") or "" for one in genres}.items())),
        "keywords": tuple(sorted({one["id"]: one.get("name") or "" for one in words}.items())),
        "videos": _videos((movie.get("videos") or {}).get("results") or ()),
        "certifications": _certifications(movie.get("release_dates") or {}),
        "translations": translations,
        "watch_providers": _watch_providers(movie.get("providers") or {}),
    }


def content_hash(fields: dict[str, Any], people: tuple[PersonRecord, ...]) -> bytes:
    """What tells a changed movie from an unchanged one; votes and popularity are left out."""
    named = [person[:-1] for person in people]
    canonical = orjson.dumps([PARSER_VERSION, list(fields.values()), named], default=_plain)
    return hashlib.blake2b(canonical, digest_size=16).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return tuple(value)  # a record


def _each_once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _people_and_credits(
    named: shapes.Credits,
) -> tuple[tuple[PersonRecord, ...], tuple[CreditRecord, ...]]:
    actors, makers = named.get("cast") or (), named.get("crew") or ()
    people = {
        one["id"]: PersonRecord(
            one["id"],
            one.get("name") or "",
            one.get("known_for_department") or "",
            one.get("profile_path") or "",
            one.get("popularity") or 0.0,
        )
        for one in (*makers, *actors)
    }
    cast = [
        CreditRecord(one["id"], "Acting", "", one.get("character") or "", one.get("order") or 0)
        for one in actors
    ]
    crew = [
        CreditRecord(one["id"], one.get("department") or "", one.get("job") or "", "", 0)
        for one in makers
    ]
    return tuple(people[key] for key in sorted(people)), billed(cast, crew)


def _collection(told: shapes.BelongsTo | None) -> CollectionRecord | None:
    if told is None:
        return None
    return CollectionRecord(
        told["id"],
        told.get("name") or "",
        told.get("poster_path") or "",
        told.get("backdrop_path") or "",
    )


def _external_ids(ids: Mapping[str, str | int | None]) -> dict[str, str]:
    found = ((name.removesuffix("_id"), value) for name, value in sorted(ids.items()))
    return {name: str(value) for name, value in found if value and name not in {"id", "imdb"}}


def _videos(told: Iterable[shapes.Video]) -> tuple[VideoRecord, ...]:
    found = {
        one["id"]: VideoRecord(
            one["id"],
            one.get("name") or "",
            one.get("site") or "",
            one.get("key") or "",
            one.get("type") or "",
            one.get("iso_639_1") or "",
            one.get("official") or False,
        )
        for one in told
    }
    return tuple(found[key] for key in sorted(found))


def _certifications(dates: shapes.ReleaseDates) -> tuple[tuple[str, str], ...]:
    """One for each region: the theatrical release's, else the first that names any."""
    found: dict[str, str] = {}
    for told in dates.get("results") or ():
        named = [
            (release.get("type") != _THEATRICAL, certification)
            for release in told.get("release_dates") or ()
            if (certification := release.get("certification"))
        ]
        region = told.get("iso_3166_1")
        if named and region:
            found.setdefault(region, min(named, key=lambda pair: pair[0])[1])
    return tuple(sorted(found.items()))


def _translations(told: shapes.Translations) -> tuple[TranslationRecord, ...]:
    found: dict[tuple[str, str], TranslationRecord] = {}
    for one in told.get("translations") or ():
        language, region, data = (
            one.get("iso_639_1"), one.get("iso_3166_1") or "", one.get("data") or {},
        )  # fmt: skip
        if language:
            found[language, region] = TranslationRecord(
                language,
                region,
                data.get("title") or "",
                data.get("overview") or "",
                data.get("tagline") or "",
            )
    return tuple(found[key] for key in sorted(found))


def _original_overview(language: str | None, translations: tuple[TranslationRecord, ...]) -> str:
    told = (one.overview for one in translations if one.language == language)
    return next((overview for overview in told if overview), "")


def _watch_providers(told: shapes.Providers) -> bytes:
    found = told.get("results") or {}
    return orjson.dumps({region: _region_offers(found[region]) for region in sorted(found)})


def _region_offers(offers: shapes.Offers) -> dict[str, Any]:
    return {
        "link": offers.get("link") or "",
        "offers": [
            [
                kind,
                one["provider_id"],
                one.get("provider_name") or "",
                one.get("logo_path") or "",
                one.get("display_priority") or 0,
            ]
            for field, kind in _OFFERS
            for one in offers.get(field) or ()
        ],
    }
