"""Movies as people read them, in the language they asked for."""

# ruff: noqa: S608 - the names put into these statements are constants; values are bound

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from catalog.domain.languages import Language
from catalog.tables.movies import keyword, movie, movie_keyword, video
from catalog.tables.people import credit, person

# TMDb does not fall back, so we do: wanted region, wanted language, (its own title,) English.
_TRANSLATED = """coalesce((select t.{field} from translation t
    where t.movie_id = m.tmdb_id and t.language = :language and t.{field} <> ''
    order by (t.region = :region) desc, t.region limit 1), {otherwise})"""
_TITLE = _TRANSLATED.format(
    field="title",
    otherwise="case when m.original_language = :language then m.original_title else m.title end",
)
_OVERVIEW = _TRANSLATED.format(field="overview", otherwise="m.overview")
_TAGLINE = _TRANSLATED.format(field="tagline", otherwise="m.tagline")

_SHOWN = """m.tmdb_id as movie_id, m.original_title, m.original_language, m.release_date,
    m.popularity, m.vote_average, m.vote_count, m.runtime_minutes, m.adult, m.poster_path,
    m.backdrop_path, m.source, m.version, m.removed_at is not null as removed,
    array(select g.genre_id from movie_genre g where g.movie_id = m.tmdb_id order by g.genre_id)
    as genre_ids"""
_DETAIL = """m.status, m.homepage, m.budget, m.revenue, m.imdb_id, m.external_ids,
    m.production_countries, m.spoken_languages, m.collection_id,
    (select c.name from collection c where c.collection_id = m.collection_id) as collection_name,
    coalesce((select json_agg(json_build_object('region', f.region, 'certification',
    f.certification) order by f.region) from certification f where f.movie_id = m.tmdb_id), '[]')
    as certifications,
    array(select distinct t.language from translation t where t.movie_id = m.tmdb_id
    order by t.language) as translated_languages,
    (select max(i.as_of) from sync_item i where i.movie_id = m.tmdb_id) as synced_at"""

_LISTED = {
    True: sa.text(f"select {_SHOWN}, m.title, m.overview from movie m where m.tmdb_id = any(:ids)"),
    False: sa.text(
        f"select {_SHOWN}, {_TITLE} as title, {_OVERVIEW} as overview"
        " from movie m where m.tmdb_id = any(:ids)"
    ),
}
_ONE = {
    True: sa.text(
        f"select {_SHOWN}, {_DETAIL}, m.title, m.overview, m.tagline"
        " from movie m where m.tmdb_id = :id and m.removed_at is null"
    ),
    False: sa.text(
        f"select {_SHOWN}, {_DETAIL}, {_TITLE} as title, {_OVERVIEW} as overview,"
        f" {_TAGLINE} as tagline from movie m where m.tmdb_id = :id and m.removed_at is null"
    ),
}

_exists = sa.select(sa.true()).where(
    movie.c.tmdb_id == sa.bindparam("id"), movie.c.removed_at.is_(None)
)
_CREDITS = (
    sa.select(
        credit.c.position,
        credit.c.person_id,
        credit.c.department,
        credit.c.job,
        credit.c.character,
        credit.c.billing_order,
        person.c.name,
        person.c.profile_path,
    )
    .join(person, person.c.person_id == credit.c.person_id)
    .where(credit.c.movie_id == sa.bindparam("id"), credit.c.position > sa.bindparam("after"))
    .order_by(credit.c.position)
    .limit(sa.bindparam("limit"))
)
_KEYWORDS = (
    sa.select(keyword.c.keyword_id, keyword.c.name)
    .join(movie_keyword, movie_keyword.c.keyword_id == keyword.c.keyword_id)
    .where(movie_keyword.c.movie_id == sa.bindparam("id"))
    .order_by(keyword.c.name, keyword.c.keyword_id)
)
_VIDEOS = (
    sa.select(
        video.c.video_id,
        video.c.name,
        video.c.site,
        video.c.key,
        video.c.type,
        video.c.language,
        video.c.official,
    )
    .where(video.c.movie_id == sa.bindparam("id"))
    .order_by(video.c.official.desc(), video.c.video_id)
)


def by_ids(
    connection: Connection, movie_ids: Sequence[int], language: Language
) -> list[RowMapping]:
    """Those of these movies that are known, removed ones too, in the order asked for."""
    if not movie_ids:
        return []
    parameters = {"ids": list(movie_ids), **_wanted(language)}
    rows = connection.execute(_LISTED[language.is_english], parameters).mappings()
    found = {row["movie_id"]: row for row in rows}
    return [found[movie_id] for movie_id in movie_ids if movie_id in found]


def detail(connection: Connection, movie_id: int, language: Language) -> RowMapping | None:
    """One movie with what only its own page shows; none when it is removed."""
    parameters = {"id": movie_id, **_wanted(language)}
    return connection.execute(_ONE[language.is_english], parameters).mappings().one_or_none()


def count(connection: Connection) -> int:
    """How many movies there are."""
    present = sa.select(sa.func.count()).where(movie.c.removed_at.is_(None))
    return connection.execute(present).scalar_one()


def exists(connection: Connection, movie_id: int) -> bool:
    """Whether there is such a movie, not removed."""
    return connection.execute(_exists, {"id": movie_id}).scalar() is not None


def credits_of(
    connection: Connection, movie_id: int, after: int, limit: int
) -> Sequence[RowMapping]:
    """Directors, cast by billing, other crew, from a position on."""
    asked = {"id": movie_id, "after": after, "limit": limit}
    return connection.execute(_CREDITS, asked).mappings().all()


def keywords_of(connection: Connection, movie_id: int) -> Sequence[RowMapping]:
    """By name."""
    return connection.execute(_KEYWORDS, {"id": movie_id}).mappings().all()


def videos_of(connection: Connection, movie_id: int) -> Sequence[RowMapping]:
    """Official ones first."""
    return connection.execute(_VIDEOS, {"id": movie_id}).mappings().all()


def watch_providers(connection: Connection, movie_id: int, region: str) -> RowMapping | None:
    """Offers in a region, and the regions there are; none when the movie is removed."""
    query = sa.text(
        "select watch_providers -> :region as offers,"
        " array(select jsonb_object_keys(watch_providers)) as regions"
        " from movie where tmdb_id = :id and removed_at is null"
    )
    parameters = {"region": region, "id": movie_id}
    return connection.execute(query, parameters).mappings().one_or_none()


def _wanted(language: Language) -> dict[str, Any]:
    if language.is_english:
        return {}
    return {"language": language.code, "region": language.region}
