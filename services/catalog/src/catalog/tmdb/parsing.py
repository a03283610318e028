"""TMDb's bytes into what the catalog keeps: complete and valid, or refused with a reason."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

import orjson
import structlog
from msgspec import DecodeError, msgpack
from msgspec.json import Decoder

from catalog.domain.movies import (
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
"""Grows when a record that was refused may pass the new rules: the refresh then asks for those it
refused. It is part of the hash too, so every movie is written anew when it is next fetched."""

_THEATRICAL = 3
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""After an even number of backslashes: after an odd one it is text about NUL."""
_NO_TEXTS = shapes.TranslatedTexts()
_CANONICAL = msgpack.Encoder()

Shape = TypeVar("Shape")

log = structlog.get_logger()


def parsed(shape: Decoder[Shape], body: bytes) -> Shape:
    """An answer in its shape, or BadAnswer naming the first place that is wrong."""
    try:
        return shape.decode(without_nul(body))
    except (DecodeError, UnicodeDecodeError) as error:
        problem, _, path = str(error).partition(" - at `$")
        where = _INDEX.sub(r".\1", path.rstrip("`")).lstrip(".")
        raise BadAnswer(f"{where or 'body'}: {problem}", body) from error
    except RecursionError as error:
        raise BadAnswer("body: nested too deeply", body) from error


def json_body(body: bytes) -> bytes:
    """A body kept as it is but for NUL, provided that it is JSON at all."""
    kept = without_nul(body)
    try:
        orjson.loads(kept)
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"body: {error}", body) from error
    return kept


def movie_record(movie_id: int, body: bytes) -> MovieRecord:
    """The movie in an answer, which must be the one that was asked for."""
    return _record(movie_id, parsed(shapes.MOVIE, body), body)


def without_nul(body: bytes) -> bytes:
    """NUL cannot be stored and shows nothing; in JSON it comes only as an escape."""
    return _NUL.sub(rb"\1", body) if b"\\u0000" in body else body


def _record(movie_id: int, movie: shapes.Movie, body: bytes) -> MovieRecord:
    if movie.id != movie_id:
        raise BadAnswer(f"id: asked for {movie_id}, answered {movie.id}", body)
    own = _own_fields(movie)
    if not own["title"]:
        raise BadAnswer("title: there is none", body)
    try:
        released = _day(movie.release_date)
    except ValueError as error:
        raise BadAnswer(f"release_date: {error}", body) from error
    people, billing = _people_and_credits(movie.credits or shapes.Credits())
    fields: dict[str, Any] = {
        **own,
        "release_date": released,
        **_parts(movie),
        "credits": billing,
    }
    votes = Votes(
        movie.popularity or 0.0,
        movie.vote_average or 0.0,
        movie.vote_count or 0,
    )
    hashed = content_hash(fields, people)
    return MovieRecord(movie_id, votes=votes, people=people, content_hash=hashed, **fields)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _own_fields(movie: shapes.Movie) -> dict[str, Any]:
    title, original_title = _title(movie.title), _title(movie.original_title)
    return {
        "title": title or original_title,
        "original_title": original_title or title,
        "original_language": movie.original_language or "",
        "tagline": movie.tagline or "",
        "status": movie.status or "",
        "homepage": movie.homepage or "",
        "runtime_minutes": max(movie.runtime or 0, 0),
        "budget": movie.budget or 0,
        "revenue": movie.revenue or 0,
        "imdb_id": movie.imdb_id or str((movie.external_ids or {}).get("imdb_id") or ""),
        "adult": movie.adult or False,
        "poster_path": movie.poster_path or "",
        "backdrop_path": movie.backdrop_path or "",
    }


def _title(told: str | None) -> str:
    """A title; one of nothing but spaces is none."""
    return told if told and not told.isspace() else ""


def _parts(movie: shapes.Movie) -> dict[str, Any]:
    translations = _translations(
        movie.id, (movie.translations and movie.translations.translations) or ()
    )
    genres, words = movie.genres or (), (movie.keywords and movie.keywords.keywords) or ()
    countries, spoken = movie.production_countries or (), movie.spoken_languages or ()
    return {
        "overview": movie.overview or _original_overview(movie.original_language, translations),
        "collection": _collection(movie.belongs_to_collection),
        "external_ids": _external_ids(movie.external_ids or {}),
        "production_countries": _each_once(one.iso_3166_1 for one in countries),
        "spoken_languages": _each_once(one.iso_639_1 for one in spoken),
        "genres": tuple(sorted({one.id: one.name or "" for one in genres}.items())),
        "keywords": tuple(sorted({one.id: one.name or "" for one in words}.items())),
        "videos": _videos((movie.videos and movie.videos.results) or ()),
        "certifications": _certifications(
            (movie.release_dates and movie.release_dates.results) or ()
        ),
        "translations": translations,
        "watch_providers": _watch_providers((movie.providers and movie.providers.results) or {}),
    }


def content_hash(fields: dict[str, Any], people: tuple[PersonRecord, ...]) -> bytes:
    """What tells a changed movie from an unchanged one; votes and popularity are left out."""
    named = [(p.person_id, p.name, p.known_for_department, p.profile_path) for p in people]
    canonical = _CANONICAL.encode([PARSER_VERSION, list(fields.values()), named])
    return hashlib.blake2b(canonical, digest_size=16).digest()


def _each_once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _people_and_credits(
    named: shapes.Credits,
) -> tuple[tuple[PersonRecord, ...], tuple[CreditRecord, ...]]:
    # By what is shown of them: without a place in the billing one told twice would have two.
    told = {(one.id, one.character, one.order): one for one in named.cast or ()}
    actors, makers = list(told.values()), named.crew or ()
    people = {
        one.id: PersonRecord(
            one.id,
            one.name or "",
            one.known_for_department or "",
            one.profile_path or "",
            one.popularity or 0.0,
        )
        for one in (*makers, *actors)
    }
    cast = [
        CreditRecord(one.id, "Acting", "", one.character or "", place)
        for one, place in zip(actors, _places([one.order for one in actors]), strict=True)
    ]
    crew = [CreditRecord(one.id, one.department or "", one.job or "", "", 0) for one in makers]
    return tuple(people[key] for key in sorted(people)), billed(cast, crew)


def _places(orders: list[int | None]) -> Iterable[int]:
    """Places in the billing; those without one come after all others, in TMDb's order."""
    last = max((order for order in orders if order is not None), default=-1)
    for order in orders:
        if order is None:
            last = min(last + 1, shapes.LARGEST_INTEGER)
            yield last
        else:
            yield order


def _collection(told: shapes.BelongsTo | None) -> CollectionRecord | None:
    if told is None:
        return None
    return CollectionRecord(
        told.id,
        told.name or "",
        told.poster_path or "",
        told.backdrop_path or "",
    )


def _external_ids(ids: Mapping[str, str | int | None]) -> dict[str, str]:
    found = ((name.removesuffix("_id"), value) for name, value in sorted(ids.items()))
    return {name: str(value) for name, value in found if value and name not in {"id", "imdb"}}


def _videos(told: Iterable[shapes.Video]) -> tuple[VideoRecord, ...]:
    found = {
        one.id: VideoRecord(
            one.id,
            one.name or "",
            one.site or "",
            one.key or "",
            one.type or "",
            one.iso_639_1 or "",
            one.official or False,
        )
        for one in told
    }
    return tuple(found[key] for key in sorted(found))


def _certifications(dates: Iterable[shapes.Releases]) -> tuple[tuple[str, str], ...]:
    """One for each region: the theatrical release's, else the first that names any."""
    found: dict[str, str] = {}
    for told in dates:
        named = [
            (release.type != _THEATRICAL, certification)
            for release in told.release_dates or ()
            if (certification := release.certification)
        ]
        region = told.iso_3166_1
        if named and region:
            found.setdefault(region, min(named, key=lambda pair: pair[0])[1])
    return tuple(sorted(found.items()))


def _translations(
    movie_id: int, told: Iterable[shapes.Translation]
) -> tuple[TranslationRecord, ...]:
    found: dict[tuple[str, str], TranslationRecord] = {}
    longest = shapes.LONGEST
    for one in told:
        language, region, data = one.iso_639_1, one.iso_3166_1 or "", one.data or _NO_TEXTS
        title, overview, tagline = _title(data.title), data.overview or "", data.tagline or ""
        if not language:
            continue
        if len(overview) > longest or len(title) > longest or len(tagline) > longest:
            where = f"translations.{language}-{region}"
            title = _fitting(movie_id, f"{where}.title", title)
            overview = _fitting(movie_id, f"{where}.overview", overview)
            tagline = _fitting(movie_id, f"{where}.tagline", tagline)
        found[language, region] = TranslationRecord(language, region, title, overview, tagline)
    return tuple(found[key] for key in sorted(found))


def _fitting(movie_id: int, field: str, text: str) -> str:
    if len(text) <= shapes.LONGEST:
        return text
    log.warning("text left out", movie_id=movie_id, field=field, characters=len(text))
    return ""


def _original_overview(language: str | None, translations: tuple[TranslationRecord, ...]) -> str:
    told = (one.overview for one in translations if one.language == language)
    return next((overview for overview in told if overview), "")


def _watch_providers(told: Mapping[str, shapes.Offers]) -> bytes:
    return orjson.dumps({region: _region_offers(told[region]) for region in sorted(told)})


def _region_offers(offers: shapes.Offers) -> dict[str, Any]:
    return {
        "link": offers.link or "",
        "offers": [
            [
                kind,
                one.provider_id,
                one.provider_name or "",
                one.logo_path or "",
                one.display_priority or 0,
            ]
            for kind, offered in (
                ("stream", offers.flatrate),
                ("rent", offers.rent),
                ("buy", offers.buy),
                ("free", offers.free),
                ("ads", offers.ads),
            )
            for one in offered or ()
        ],
    }
