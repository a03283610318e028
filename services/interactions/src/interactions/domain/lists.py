"""Own lists: ordered, with a name, seen by everybody, by friends or by nobody else."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.errors import Conflict, Invalid, NotFound, Stale

NAME_LENGTH = 100
DESCRIPTION_LENGTH = 1_000
LISTS_OF_A_PERSON = 200
MOVIES_ON_A_LIST = 1_000
VISIBILITIES = ("public", "friends", "private")
CHANGEABLE = ("name", "description", "visibility")


class ListNotFound(NotFound):
    """There is no such list, or the caller may not see it."""


class ListLimitReached(Conflict):
    """The person has as many lists as anybody may."""


class ListFull(Conflict):
    """The list holds as many movies as any may."""


class ListChanged(Stale):
    """The list is no longer the one the caller has seen."""


@dataclass(frozen=True)
class MovieList:
    """A list without its movies; `version` grows with every change, of the movies too."""

    list_id: UUID
    user_id: UUID
    name: str
    description: str
    visibility: str
    movies_count: int
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)


@dataclass(frozen=True)
class ListEntry:
    """A movie at its place; `rank` orders; others that come leave it, unless ranks grew long."""

    movie_id: int
    position: int
    rank: str
    title: str
    added_at: datetime

    @property
    def etag(self) -> str:
        """Changes when it is moved."""
        return self.rank


def checked_visibility(visibility: str) -> str:
    """One of the three; nothing said is private."""
    if visibility and visibility not in VISIBILITIES:
        raise Invalid("must be public, friends or private", field="visibility")
    return visibility or "private"


def checked_paths(paths: Collection[str]) -> Collection[str]:
    """What of a list its owner may change."""
    unknown = sorted(set(paths) - set(CHANGEABLE))
    if unknown:
        raise Invalid(f"{unknown[0]!r} cannot be changed here", field="update_mask")
    return paths


def owned(found: MovieList | None, user_id: UUID) -> MovieList:
    """The list, if it is the caller's; another's is as if it were not there."""
    if found is None or found.user_id != user_id:
        raise ListNotFound("there is no such list")
    return found


def visible(
    found: MovieList | None, viewer: UUID | None, is_friend: Callable[[UUID, UUID], bool]
) -> MovieList:
    """The list, if the viewer may see it; `is_friend` is asked only where it matters."""
    if found is None:
        raise ListNotFound("there is no such list")
    if found.visibility == "public" or found.user_id == viewer:
        return found
    if found.visibility == "friends" and viewer is not None and is_friend(found.user_id, viewer):
        return found
    raise ListNotFound("there is no such list")


def expect_list(etag: str, found: MovieList) -> None:
    """Refuse a change that was decided upon another version; an empty etag accepts any."""
    if etag not in ("", "*", found.etag):
        raise ListChanged("the list has changed since it was read")


def changes_of(found: MovieList, wanted: Mapping[str, str]) -> dict[str, str]:
    """What of `wanted` is not so already."""
    return {name: value for name, value in wanted.items() if getattr(found, name) != value}
