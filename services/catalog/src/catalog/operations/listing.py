"""What TMDb tells apart from movies: reference lists, and the ready-made lists."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from catalog.operations import facts
from catalog.store import featured, items, references


def store_reference(
    connection: Connection,
    source: str,
    genres: Mapping[str, Mapping[int, str]],
    bodies: Mapping[str, bytes],
    at: datetime,
) -> int:
    """Genres by language, and TMDb's small lists as they are; answers how much of it changed."""
    named = sorted(genres["en"].items())
    changed = references.write_genres(connection, named)
    if changed:
        facts.genres_changed(connection, named, at)
    for language, names in sorted(genres.items()):
        changed += references.write_genre_names(connection, language, sorted(names.items()))
    for name, body in sorted(bodies.items()):
        changed += references.write_body(connection, source, name, body)
    return changed


def store_list(
    connection: Connection,
    source: str,
    list_name: str,
    found: Sequence[tuple[int, bool, float]],
    at: datetime,
) -> bool:
    """A ready-made list as a whole; movies it names that we lack are queued."""
    items.add(connection, source, found)
    movie_ids = [movie_id for movie_id, _, _ in found]
    if featured.ids_of(connection, list_name) == movie_ids:
        return False
    featured.replace(connection, list_name, movie_ids)
    facts.featured_changed(connection, list_name, movie_ids, at)
    return True


def cache_key(list_name: str) -> str:
    """Where the ids of a list are cached."""
    return f"catalog:featured:{list_name}"
