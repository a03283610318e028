"""TMDb's bytes into what the catalog keeps: complete and valid, or refused with a reason."""

import hashlib
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

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

Any_Shape = TypeVar("Any_Shape", bound=shapes.Shape)


def parsed(shape: type[Any_Shape], body: bytes) -> Any_Shape:
    """An answer in its shape, or BadAnswer naming the first place that is wrong."""
    try:
        return shape.model_validate_json(body)
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


def movie_record(movie_id: int, body: bytes) -> MovieRecord:
    """The movie in an answer, which must be the one that was asked for."""
    # NUL cannot be stored and shows nothing; it comes only as an escape.
    movie = parsed(shapes.Movie, body.replace(b"\\u0000", b""))
    if movie.id != movie_id:
        raise BadAnswer(f"id: asked for {movie_id}, answered {movie.id}", body)
    if not (movie.title or movie.original_title):
        raise BadAnswer("title: there is none", body)
    people, billing = _people_and_credits(movie.credits or shapes.Credits())
    fields: dict[str, Any] = {**_own_fields(movie), **_parts(movie), "credits": billing}
    return MovieRecord(
        movie_id=movie.id,
        votes=Votes(movie.popularity or 0.0, movie.vote_average or 0.0, movie.vote_count or 0),
        people=people,
        content_hash=content_hash(fields, people),
        **fields,
    )


def _own_fields(movie: shapes.Movie) -> dict[str, Any]:
    return {
        "title": movie.title or movie.original_title,
        "original_title": movie.original_title or movie.title,
        "original_language": movie.original_language or "",
        "tagline": movie.tagline or "",
        "status": movie.status or "",
        "homepage": movie.homepage or "",
        "release_date": movie.release_date,
        "runtime_minutes": max(movie.runtime or 0, 0),
        "budget": movie.budget or 0,
        "revenue": movie.revenue or 0,
        "imdb_id": movie.imdb_id or "",
        "adult": movie.adult or False,
        "poster_path": movie.poster_path or "",
        "backdrop_path": movie.backdrop_path or "",
    }


def _parts(movie: shapes.Movie) -> dict[str, Any]:
    translations = _translations(movie.translations)
    words = movie.keywords.keywords if movie.keywords else None
    return {
        "overview": movie.overview or _original_overview(movie, translations),
        "collection": _collection(movie.belongs_to_collection),
        "external_ids": _external_ids(movie.external_ids or {}),
        "production_countries": _each_once(c.iso_3166_1 for c in movie.production_countries or ()),
        "spoken_languages": _each_once(s.iso_639_1 for s in movie.spoken_languages or ()),
        "genres": tuple(sorted({g.id: g.name or "" for g in movie.genres or ()}.items())),
        "keywords": tuple(sorted({k.id: k.name or "" for k in words or ()}.items())),
        "videos": _videos(movie.videos),
        "certifications": _certifications(movie.release_dates),
        "translations": translations,
        "watch_providers": _watch_providers(movie.providers),
    }


def content_hash(fields: dict[str, Any], people: tuple[PersonRecord, ...]) -> bytes:
    """What tells a changed movie from an unchanged one; votes and popularity are left out."""
    named = [(p.person_id, p.name, p.known_for_department, p.profile_path) for p in people]
    canonical = orjson.dumps(
        [PARSER_VERSION, list(fields.values()), named],
        default=lambda value: value.decode() if isinstance(value, bytes) else str(value),
    )
    return hashlib.blake2b(canonical, digest_size=16).digest()


def _each_once(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _people_and_credits(
    named: shapes.Credits,
) -> tuple[tuple[PersonRecord, ...], tuple[CreditRecord, ...]]:
    actors, makers = named.cast or [], named.crew or []
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
    cast = [CreditRecord(c.id, "Acting", "", c.character or "", c.order or 0) for c in actors]
    crew = [CreditRecord(c.id, c.department or "", c.job or "", "", 0) for c in makers]
    return tuple(people[key] for key in sorted(people)), billed(cast, crew)


def _collection(belongs_to: shapes.BelongsTo | None) -> CollectionRecord | None:
    if belongs_to is None:
        return None
    return CollectionRecord(
        belongs_to.id,
        belongs_to.name or "",
        belongs_to.poster_path or "",
        belongs_to.backdrop_path or "",
    )


def _external_ids(ids: dict[str, str | int | None]) -> dict[str, str]:
    found = ((name.removesuffix("_id"), value) for name, value in sorted(ids.items()))
    return {name: str(value) for name, value in found if value and name not in {"id", "imdb"}}


def _videos(videos: shapes.Videos | None) -> tuple[VideoRecord, ...]:
    found = {
        v.id: VideoRecord(
            v.id,
            v.name or "",
            v.site or "",
            v.key or "",
            v.type or "",
            v.iso_639_1 or "",
            v.official or False,
        )
        for v in (videos.results if videos else None) or ()
    }
    return tuple(found[key] for key in sorted(found))


def _certifications(dates: shapes.ReleaseDates | None) -> tuple[tuple[str, str], ...]:
    """One for each region: the theatrical release's, else the first that names any."""
    found: dict[str, str] = {}
    for releases in (dates.results if dates else None) or ():
        named = [
            (release.type != _THEATRICAL, release.certification)
            for release in releases.release_dates or ()
            if release.certification
        ]
        if named and releases.iso_3166_1:
            found.setdefault(releases.iso_3166_1, min(named, key=lambda pair: pair[0])[1])
    return tuple(sorted(found.items()))


def _translations(translations: shapes.Translations | None) -> tuple[TranslationRecord, ...]:
    found: dict[tuple[str, str], TranslationRecord] = {}
    for told in (translations.translations if translations else None) or ():
        if not told.iso_639_1:
            continue
        region, data = told.iso_3166_1 or "", told.data or shapes.TranslatedTexts()
        found[told.iso_639_1, region] = TranslationRecord(
            told.iso_639_1, region, data.title or "", data.overview or "", data.tagline or ""
        )
    return tuple(found[key] for key in sorted(found))


def _original_overview(movie: shapes.Movie, translations: tuple[TranslationRecord, ...]) -> str:
    told = (t.overview for t in translations if t.language == movie.original_language)
    return next((overview for overview in told if overview), "")


def _watch_providers(providers: shapes.Providers | None) -> bytes:
    found = (providers.results if providers else None) or {}
    return orjson.dumps({region: _region_offers(found[region]) for region in sorted(found)})


def _region_offers(offers: shapes.Offers) -> dict[str, Any]:
    named = (
        (kind, provider) for field, kind in _OFFERS for provider in getattr(offers, field) or ()
    )
    return {
        "link": offers.link or "",
        "offers": [
            [kind, p.provider_id, p.provider_name or "", p.logo_path or "", p.display_priority or 0]
            for kind, p in named
        ],
    }
