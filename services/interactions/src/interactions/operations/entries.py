"""One person's marks on movies: kept, and taken back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy.engine import Connection

from interactions.domain.entries import (
    ANY,
    Conditions,
    Interaction,
    InteractionT,
    Kept,
    Movie,
    MovieNotFound,
    Rating,
    TakenBack,
    TooManyWritesAtOnce,
    WatchlistEntry,
)
from interactions.messages import facts
from interactions.store import entries, movies

FindMovie = Callable[[int], Movie | None]
"""Asks the catalogue for a movie whose event has not come yet."""

OutcomeT = TypeVar("OutcomeT")

_ATTEMPTS = 200


def keep(
    connection: Connection,
    user_id: UUID,
    entry: InteractionT,
    *,
    at: datetime,
    find_movie: FindMovie,
    conditions: Conditions = ANY,
    imported: bool = False,
) -> Kept[InteractionT]:
    """Add an entry or replace what it says; the same again changes nothing and tells nobody."""

    def attempt() -> Kept[InteractionT] | None:
        standing = entries.standing(connection, type(entry), user_id, entry.movie_id)
        require_movie(
            connection, standing.movie_removed, entry.movie_id, find_movie=find_movie, at=at
        )
        before = standing.entry
        conditions.check(None if before is None else before.etag)
        if before is not None and entry.says_the_same_as(before):
            return Kept(before, created=False, sequence=standing.sequence)
        fresh = entry.following(before, version=standing.sequence + 1)
        fact = facts.entry_added(user_id, fresh, before, imported=imported, at=at)
        if not entries.keep(connection, user_id, fresh, fact, at=at):
            return None
        return Kept(fresh, created=before is None, sequence=fresh.version)

    return _until_kept(attempt)


def take_back(
    connection: Connection,
    user_id: UUID,
    kind: type[Interaction],
    movie_id: int,
    *,
    at: datetime,
    conditions: Conditions = ANY,
) -> TakenBack:
    """Take an entry back; its tombstone keeps the version, and what the person wrote is gone."""

    def attempt() -> TakenBack | None:
        standing = entries.standing(connection, kind, user_id, movie_id)
        conditions.check(None if standing.entry is None else standing.entry.etag)
        if standing.entry is None:
            return TakenBack(removed=False, sequence=standing.sequence)
        gone = replace(standing.entry, version=standing.sequence + 1)
        fact = facts.entry_removed(user_id, gone, at)
        if not entries.keep(connection, user_id, _wordless(gone), fact, at=at, deleted=True):
            return None
        return TakenBack(removed=True, sequence=gone.version)

    return _until_kept(attempt)


def require_movie(
    connection: Connection,
    removed: bool | None,  # noqa: FBT001 - three-valued
    movie_id: int,
    *,
    find_movie: FindMovie,
    at: datetime,
) -> None:
    """Refuse a movie that has gone, or one unknown here (None) and to the catalogue as well."""
    if removed:
        raise MovieNotFound("the movie has left the catalogue", movie_id=movie_id)
    if removed is not None:
        return
    movie = find_movie(movie_id)
    if movie is None:
        raise MovieNotFound("there is no such movie", movie_id=movie_id)
    movies.learn_movie(connection, movie, at=at)


def _until_kept(attempt: Callable[[], OutcomeT | None]) -> OutcomeT:
    """Try again whenever another write of the same person came between; each time one succeeds."""
    for _ in range(_ATTEMPTS):
        outcome = attempt()
        if outcome is not None:
            return outcome
    raise TooManyWritesAtOnce("too many writes of one person at once")


def _wordless(entry: InteractionT) -> InteractionT:
    if isinstance(entry, Rating):
        return replace(entry, review="", has_spoilers=False)
    if isinstance(entry, WatchlistEntry):
        return replace(entry, note="")
    return entry
