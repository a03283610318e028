"""Movies written by the batch: the statements behind a sync and an import."""

# ruff: noqa: S608 - the names put into these statements are constants; values are bound

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.domain.movies import MovieRecord
from catalog.domain.titles import title_key, title_keys
from catalog.store import bulk, shared
from catalog.store.familiar import Familiar
from catalog.tables.movies import (
    certification,
    movie,
    movie_genre,
    movie_keyword,
    translation,
    video,
)
from catalog.tables.people import credit
from catalog.tables.search import movie_title, title_word

_WRITER_LOCK = 0x636174616C6F67  # "catalog": one writer of movies at a time

_MOVIE_COLUMNS = (
    "tmdb_id", "version", "source", "title", "original_title", "original_language", "title_key",
    "overview", "tagline", "status", "homepage", "release_date", "runtime_minutes", "budget",
    "revenue", "imdb_id", "adult", "poster_path", "backdrop_path", "popularity", "vote_average",
    "vote_count", "collection_id", "external_ids", "production_countries", "spoken_languages",
    "watch_providers", "content_hash", "removed_at",
)  # fmt: skip
_CREDIT = ("movie_id", "position", "person_id", "department", "job", "character", "billing_order")
_VIDEO = ("movie_id", "video_id", "name", "site", "key", "type", "language", "official")
_TRANSLATION = ("movie_id", "language", "region", "title", "overview", "tagline")


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a movie already."""

    version: int
    source: str
    content_hash: bytes
    removed: bool


def take_writers_turn(connection: Connection) -> datetime:
    """Wait until no other transaction writes movies; ours does until it ends.

    Answers the moment it began, by the one clock that all writers share: who writes later says so.
    """
    return connection.exec_driver_sql(
        "select clock_timestamp() from pg_advisory_xact_lock(%(key)s)", {"key": _WRITER_LOCK}
    ).scalar_one()


def known_movies(connection: Connection, movie_ids: Sequence[int]) -> dict[int, Known]:
    """What is stored of these movies, for the writer to compare."""
    rows = connection.exec_driver_sql(
        "select tmdb_id, version, source, content_hash, removed_at is not null"
        " from movie where tmdb_id = any(%(ids)s)",
        {"ids": list(movie_ids)},
    )
    return {row[0]: Known(row[1], row[2], bytes(row[3]), row[4]) for row in rows}


@dataclass(frozen=True, slots=True)
class Packed:
    """Movies that were not there at all and all that hangs on them, as COPY reads it: made without
    a database, so before it is their turn."""

    tables: Sequence[tuple[str, Sequence[str], bytes]]
    """Name, columns, rows."""
    title_keys: frozenset[str]


def packed_new(source: str, records: Sequence[tuple[MovieRecord, int]]) -> Packed:
    """Movies, each with its version."""
    children = _children([record for record, _ in records])
    whole = (
        (movie, _MOVIE_COLUMNS, _movie_rows(source, records)),
        *((table, columns, rows) for table, columns, _, rows in children),
    )
    titles = next(rows for table, _, _, rows in children if table is movie_title)
    return Packed(
        [(table.name, columns, bulk.packed(rows)) for table, columns, rows in whole],
        frozenset(str(key) for _, key in titles),
    )


def write_shared(
    connection: Connection,
    movies: Sequence[MovieRecord],
    keys: Iterable[str],
    familiar: Familiar,
) -> None:
    """What movies share with others, and the words of their title keys; the movies themselves may
    come later.

    Once a transaction: who writes these twice would hold some of the second while others wait for
    some of the first.
    """
    shared.write(connection, movies, familiar)
    shared.add_words(connection, title_word, keys)


def write_new(connection: Connection, packed: Packed) -> None:
    """Movies that were not there at all: nothing to compare with."""
    for name, columns, text in packed.tables:
        bulk.copy_packed(connection, name, columns, text)


def write_changed(
    connection: Connection, source: str, records: Sequence[tuple[MovieRecord, int]]
) -> None:
    """Movies whose content differs from what is stored, each with its next version."""
    movies = [record for record, _ in records]
    rows = _movie_rows(source, records)
    bulk.merge(connection, movie, _MOVIE_COLUMNS, ("tmdb_id",), rows)
    movie_ids = [movie.movie_id for movie in movies]
    for table, columns, key, rows in _children(movies):
        bulk.merge_children(connection, table, columns, key, movie_ids, rows)


def write_votes(connection: Connection, records: Sequence[MovieRecord]) -> dict[int, int]:
    """Popularity and votes of movies that did not change otherwise; versions of those written."""
    columns = ("tmdb_id", "popularity", "vote_average", "vote_count")
    rows = [
        (r.movie_id, r.votes.popularity, r.votes.vote_average, r.votes.vote_count) for r in records
    ]
    name = bulk.stage(connection, movie, columns, rows)
    result = connection.exec_driver_sql(
        "update movie m set popularity = i.popularity, vote_average = i.vote_average,"
        " vote_count = i.vote_count, version = m.version + 1, updated_at = now()"
        f" from {name} i where i.tmdb_id = m.tmdb_id and (m.popularity, m.vote_average,"
        " m.vote_count) is distinct from (i.popularity, i.vote_average, i.vote_count)"
        " returning m.tmdb_id, m.version"
    )
    return {row[0]: row[1] for row in result}


def remove_movies(
    connection: Connection, source: str, movie_ids: Sequence[int], at: datetime
) -> list[int]:
    """Tombstones: the row stays, so that people's own entries keep something to show.

    A source takes back only what it brought; an import is not its own.
    """
    result = connection.exec_driver_sql(
        "update movie set removed_at = %(at)s, version = version + 1, updated_at = now()"
        " where tmdb_id = any(%(ids)s) and source = %(source)s and removed_at is null"
        " returning tmdb_id",
        {"ids": list(movie_ids), "source": source, "at": at},
    )
    return sorted(row[0] for row in result)


def strip_removed(connection: Connection, source: str, before: datetime) -> None:
    """Leave of movies that were gone before a moment what people's own entries are shown and found
    by: title, date, genres, figures and IMDb's id. Of one that is there again everything is written
    anew.

    Waits for the movies' writer only if there are such.
    """
    parameters = {"source": source, "before": before}
    old = "removed_at < %(before)s and content_hash <> '' and source = %(source)s"
    found = connection.exec_driver_sql(f"select from movie where {old} limit 1", parameters)
    if not found.rowcount:
        return
    take_writers_turn(connection)
    stripped = connection.exec_driver_sql(
        "update movie set original_title = title, original_language = '', overview = '',"
        " tagline = '', status = '', homepage = '', poster_path = '', backdrop_path = '',"
        " collection_id = null, external_ids = '{}', production_countries = '{}',"
        " spoken_languages = '{}', watch_providers = '{}', content_hash = '',"
        " version = version + 1, updated_at = now()"
        f" where {old} returning tmdb_id",
        parameters,
    )
    movie_ids = [row[0] for row in stripped]
    for table in (translation, credit, video, certification, movie_keyword, movie_title):
        connection.exec_driver_sql(
            f"delete from {table.name} where movie_id = any(%(ids)s)", {"ids": movie_ids}
        )


def _movie_rows(
    source: str, records: Iterable[tuple[MovieRecord, int]]
) -> list[tuple[object, ...]]:
    return [
        (
            m.movie_id, version, source, m.title, m.original_title, m.original_language,
            title_key(m.title), m.overview, m.tagline, m.status, m.homepage, m.release_date,
            m.runtime_minutes, m.budget, m.revenue, m.imdb_id, m.adult, m.poster_path,
            m.backdrop_path, m.votes.popularity, m.votes.vote_average, m.votes.vote_count,
            m.collection.collection_id if m.collection else None,
            orjson.dumps(m.external_ids).decode(), bulk.array(m.production_countries),
            bulk.array(m.spoken_languages), m.watch_providers.decode(),
            "\\x" + m.content_hash.hex(), None,
        )
        for m, version in records
    ]  # fmt: skip


Children = tuple[sa.Table, Sequence[str], Sequence[str], list[tuple[object, ...]]]


def _children(movies: Sequence[MovieRecord]) -> list[Children]:
    """Rows of every table that hangs on a movie: table, columns, key, rows."""
    return [
        (
            movie_genre, ("movie_id", "genre_id"), ("movie_id", "genre_id"),
            [(m.movie_id, genre) for m in movies for genre, _ in m.genres],
        ),
        (
            movie_keyword, ("movie_id", "keyword_id"), ("movie_id", "keyword_id"),
            [(m.movie_id, keyword) for m in movies for keyword, _ in m.keywords],
        ),
        (
            movie_title, ("movie_id", "title_key"), ("movie_id", "title_key"),
            [(m.movie_id, key) for m in movies for key in title_keys(m)],
        ),
        (
            credit, _CREDIT, ("movie_id", "position"),
            [
                (m.movie_id, at, c.person_id, c.department, c.job, c.character, c.billing_order)
                for m in movies for at, c in enumerate(m.credits)
            ],
        ),
        (
            video, _VIDEO, ("movie_id", "video_id"),
            [
                (m.movie_id, v.video_id, v.name, v.site, v.key, v.type, v.language, v.official)
                for m in movies for v in m.videos
            ],
        ),
        (
            certification, ("movie_id", "region", "certification"), ("movie_id", "region"),
            [(m.movie_id, region, name) for m in movies for region, name in m.certifications],
        ),
        (
            translation, _TRANSLATION, ("movie_id", "language", "region"),
            [
                (m.movie_id, t.language, t.region, t.title, t.overview, t.tagline)
                for m in movies for t in m.translations
            ],
        ),
    ]  # fmt: skip
