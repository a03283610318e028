"""Genres, and TMDb's small lists as it sends them."""

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.store import bulk
from catalog.tables.movies import genre, genre_translation
from catalog.tables.sync import reference as references


def write_genres(connection: Connection, named: Sequence[tuple[int, str]]) -> int:
    """English names; answers how many were new or renamed."""
    return bulk.merge(connection, genre, ("tmdb_id", "name"), ("tmdb_id",), named)


def write_genre_names(
    connection: Connection, language: str, named: Sequence[tuple[int, str]]
) -> int:
    """Names in another language; answers how many were new or renamed."""
    rows = [(genre_id, language, name) for genre_id, name in named]
    return bulk.merge(
        connection,
        genre_translation,
        ("genre_id", "language", "name"),
        ("genre_id", "language"),
        rows,
    )


def write_body(connection: Connection, source: str, name: str, body: bytes) -> int:
    """A small list as TMDb sends it; 1 when it differs from the last."""
    rows = [(source, name, orjson.dumps(orjson.loads(body)).decode())]
    return bulk.merge(connection, references, ("source", "name", "body"), ("source", "name"), rows)


def body(connection: Connection, source: str, name: str) -> Any:
    """A small list, or None before the first reference run."""
    return connection.execute(
        sa.select(references.c.body).where(references.c.source == source, references.c.name == name)
    ).scalar_one_or_none()


def genre_names(connection: Connection, language: str) -> dict[int, str]:
    """All genres, by id, in a language or else English."""
    translated = (
        sa.select(genre_translation.c.name)
        .where(
            genre_translation.c.genre_id == genre.c.tmdb_id,
            genre_translation.c.language == language,
            genre_translation.c.name != "",
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(genre.c.tmdb_id, sa.func.coalesce(translated, genre.c.name))
    )
    return {row[0]: row[1] for row in rows}
