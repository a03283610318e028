"""What all methods share: what they work with, and how requests are checked."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import redis
from sqlalchemy.engine import Connection

from catalog import messages
from catalog.domain.languages import Language, wanted_language
from catalog.store import movies, people, references
from chassis.database import Database
from chassis.errors import Invalid
from chassis.paging import PageTokens, page_size
from chassis.text import clean_text
from marquee.catalog.v1 import catalog_pb2 as pb

_QUERY_LENGTH = 200
_TAG_LENGTH = 35
_GENRES_FRESH_SECONDS = 30.0
_KEPT_LANGUAGES = 200
_MOVIES_OF_COLLECTION = 100


class Frame:
    """The servicers' common ground."""

    def __init__(
        self,
        database: Database,
        cache: redis.Redis,
        tokens: PageTokens,
        source: str,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._cache = cache
        self._tokens = tokens
        self._source = source
        self._now = now
        self._genres: dict[str, tuple[float, dict[int, str]]] = {}
        self._genres_lock = threading.Lock()

    def _genre_names(self, connection: Connection, language: Language) -> dict[int, str]:
        """From memory: there are nineteen, and they change every few years."""
        known = self._genres.get(language.code)
        if known is None or known[0] < time.monotonic():
            names = references.genre_names(connection, language.code)
            if not names:
                return names  # before the first sync: they may be there at the next call
            with self._genres_lock:
                if len(self._genres) >= _KEPT_LANGUAGES:
                    self._genres.clear()
                self._genres[language.code] = time.monotonic() + _GENRES_FRESH_SECONDS, names
            return names
        return known[1]

    def _shown(
        self, connection: Connection, movie_ids: Sequence[int], language: Language
    ) -> list[pb.Movie]:
        """Movies in order, removed ones as stubs, unknown ones left out."""
        names = self._genre_names(connection, language)
        rows = movies.by_ids(connection, movie_ids, language)
        return [messages.movie(row, names) for row in rows]

    def _collection(
        self, connection: Connection, asked: pb.GetCollectionRequest, language: Language
    ) -> pb.Collection | None:
        """A collection with a page of its movies: hardly any has more than one."""
        collection_id, adult = asked.collection_id, asked.include_adult
        size = page_size(asked.page_size or _MOVIES_OF_COLLECTION)
        belongs, after = scope("collection", collection_id=collection_id, adult=adult), None
        if asked.page_token:
            day, movie_id = self._tokens.decode(belongs, asked.page_token)
            after = checked_date(day, "page_token"), movie_id
        row = people.find_collection(connection, collection_id)
        if row is None:
            return None
        found = people.movies_of_collection(connection, collection_id, after, size + 1, adult=adult)
        page = found[:size]
        token = ""
        if len(found) > size:
            day, movie_id = page[-1]["release_date"], page[-1]["tmdb_id"]
            token = self._tokens.encode(belongs, [day.isoformat() if day else "", movie_id])
        shown = self._shown(connection, [one["tmdb_id"] for one in page], language)
        return messages.collection(row, shown, token)


def language_of(tag: str) -> Language:
    """The wanted language of a request."""
    return wanted_language(clean_text(tag, field="language", max_length=_TAG_LENGTH))


def checked_id(value: int, field: str) -> int:
    """A TMDb id is positive."""
    if value < 1:
        raise Invalid("must be positive", field=field)
    return value


def checked_uuid(text: str, field: str) -> UUID:
    """An id of our own."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("is not an id", field=field) from error


def checked_date(text: str, field: str) -> date | None:
    """An ISO 8601 date, or nothing."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("must be a date such as 1999-12-31", field=field) from error


def checked_query(text: str) -> str:
    """What somebody looks for."""
    return clean_text(text, field="query", min_length=1, max_length=_QUERY_LENGTH)


def scope(name: str, **parts: Any) -> str:
    """What a page token belongs to: a list and everything that shapes it."""
    return json.dumps([name, parts], sort_keys=True, default=str)
