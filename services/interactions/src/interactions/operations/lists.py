"""Writes to own lists. Each holds the list's row until its transaction ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import uuid7
from interactions.domain.entries import Conditions
from interactions.domain.lists import (
    LISTS_OF_A_PERSON,
    MOVIES_ON_A_LIST,
    ListEntry,
    ListFull,
    ListLimitReached,
    MovieList,
    changes_of,
    expect_list,
    owned,
)
from interactions.operations.entries import FindMovie, require_movie
from interactions.store import lists, movies


@dataclass(frozen=True)
class Put:
    """A movie on a list, and whether it was not there before."""

    entry: ListEntry
    created: bool


def create_list(
    connection: Connection,
    user_id: UUID,
    *,
    name: str,
    description: str,
    visibility: str,
    at: datetime,
) -> MovieList:
    """Make an empty list."""
    if lists.lists_count(connection, user_id) >= LISTS_OF_A_PERSON:
        raise ListLimitReached("you have as many lists as anybody may", limit=LISTS_OF_A_PERSON)
    made = MovieList(uuid7(), user_id, name, description, visibility, 0, 1, at, at)
    lists.insert_list(connection, made)
    return made


def update_list(
    connection: Connection,
    user_id: UUID,
    list_id: UUID,
    wanted: Mapping[str, str],
    *,
    etag: str,
    at: datetime,
) -> MovieList:
    """Change what a list is called and who sees it; the same again changes nothing."""
    found = _held(connection, user_id, list_id)
    expect_list(etag, found)
    changes = changes_of(found, wanted)
    return lists.update_list(connection, list_id, changes, at=at) if changes else found


def delete_list(connection: Connection, user_id: UUID, list_id: UUID, *, etag: str) -> MovieList:
    """Delete a list; answers what it was."""
    found = _held(connection, user_id, list_id)
    expect_list(etag, found)
    lists.delete_list(connection, list_id)
    return found


def add_movie(
    connection: Connection,
    user_id: UUID,
    list_id: UUID,
    movie_id: int,
    *,
    position: int | None,
    conditions: Conditions,
    find_movie: FindMovie,
    at: datetime,
) -> Put:
    """Put a movie on a list, or move it; without a position the end, or where it is."""
    found = _held(connection, user_id, list_id)
    require_movie(
        connection, movies.is_removed(connection, movie_id), movie_id, find_movie=find_movie, at=at
    )
    before = lists.find_entry(connection, list_id, movie_id)
    conditions.check(None if before is None else before.etag)
    if before is not None and position in (None, before.position):
        return Put(before, created=False)
    if before is None and found.movies_count >= MOVIES_ON_A_LIST:
        raise ListFull("the list holds as many movies as any may", limit=MOVIES_ON_A_LIST)
    around = lists.ranks_around(connection, list_id, movie_id, position)
    if lists.crowded(around):
        lists.space_out(connection, list_id, at=at)
        around = lists.ranks_around(connection, list_id, movie_id, position)
    lists.put_entry(connection, list_id, movie_id, around, at=at)
    lists.update_list(connection, list_id, {"added": int(before is None)}, at=at)
    entry = lists.find_entry(connection, list_id, movie_id)
    assert entry is not None, "it was put there in this transaction"  # noqa: S101 - for the checker
    return Put(entry, created=before is None)


def remove_movie(
    connection: Connection,
    user_id: UUID,
    list_id: UUID,
    movie_id: int,
    *,
    conditions: Conditions,
    at: datetime,
) -> bool:
    """Take a movie off a list; False when it was not on it."""
    _held(connection, user_id, list_id)
    before = lists.find_entry(connection, list_id, movie_id)
    conditions.check(None if before is None else before.etag)
    removed = lists.delete_entry(connection, list_id, movie_id)
    if removed:
        lists.update_list(connection, list_id, {"added": -1}, at=at)
    return removed


def _held(connection: Connection, user_id: UUID, list_id: UUID) -> MovieList:
    return owned(lists.hold_list(connection, list_id), user_id)
