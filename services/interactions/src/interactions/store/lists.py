"""Own lists. Who changes one holds its row; ranks are numerics: there is always one between."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult

from interactions.domain.lists import ListEntry, MovieList

Cursor = tuple[datetime, UUID]
BEFORE_ALL: Cursor = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
BEFORE_FIRST_RANK = "-Infinity"
_LONGEST_RANK = 64


def lists_count(connection: Connection, user_id: UUID) -> int:
    """How many lists a person has; whoever makes another one waits until this one has."""
    connection.execute(_LOCK_OWNER, {"owner": f"lists of {user_id}"})
    return connection.execute(_LISTS_COUNT, {"user_id": user_id}).scalar_one()


def insert_list(connection: Connection, made: MovieList) -> None:
    """Keep a new list."""
    connection.execute(_INSERT_LIST, vars(made))


def find_list(connection: Connection, list_id: UUID, viewer: UUID | None) -> MovieList | None:
    """A list; one of somebody disabled is there for nobody else."""
    parameters = {"list_id": list_id, "viewer": viewer}
    return _list(connection.execute(_FIND_LIST, parameters))


def hold_list(connection: Connection, list_id: UUID) -> MovieList | None:
    """A list, held until the end of the transaction by who wants to change it."""
    return _list(connection.execute(_HOLD_LIST, {"list_id": list_id}))


def lists_of(
    connection: Connection, user_id: UUID, *, after: Cursor, limit: int
) -> list[MovieList]:
    """A person's lists, newest first."""
    parameters = {"user_id": user_id, "after_at": after[0], "after_id": after[1], "most": limit}
    return [MovieList(**row) for row in connection.execute(_LISTS_OF, parameters).mappings()]


def update_list(
    connection: Connection, list_id: UUID, values: Mapping[str, Any], *, at: datetime
) -> MovieList:
    """Write these columns and the next version."""
    parameters = {"name": None, "description": None, "visibility": None, "added": 0, **values}
    row = connection.execute(_UPDATE_LIST, {**parameters, "list_id": list_id, "at": at})
    return MovieList(**row.mappings().one())


def delete_list(connection: Connection, list_id: UUID) -> None:
    """The list and what is on it."""
    connection.execute(_DELETE_LIST, {"list_id": list_id})


def entries_of(
    connection: Connection, list_id: UUID, *, after_rank: str, limit: int
) -> list[ListEntry]:
    """Movies of a list in order, with positions counted now and titles known here."""
    parameters = {"list_id": list_id, "after_rank": after_rank, "most": limit}
    return [ListEntry(**row) for row in connection.execute(_ENTRIES, parameters).mappings()]


def find_entry(connection: Connection, list_id: UUID, movie_id: int) -> ListEntry | None:
    """A movie on a list."""
    parameters = {"list_id": list_id, "movie_id": movie_id}
    row = connection.execute(_ENTRY, parameters).mappings().one_or_none()
    return None if row is None else ListEntry(**row)


def ranks_around(
    connection: Connection, list_id: UUID, movie_id: int, position: int | None
) -> Sequence[str | None]:
    """Ranks of the movies a movie goes between, were it not there; None where there is none."""
    parameters = {"list_id": list_id, "movie_id": movie_id, "position": position}
    row = connection.execute(_AROUND, parameters).one()
    return [row.before, row.after]


def crowded(around: Sequence[str | None]) -> bool:
    """Whether ranks there are so long that moves between them should not go on."""
    return any(rank is not None and len(rank) > _LONGEST_RANK for rank in around)


def space_out(connection: Connection, list_id: UUID, *, at: datetime) -> None:
    """Give all movies of a list whole ranks, in the same order; all above those they had."""
    connection.execute(_SPACE_OUT, {"list_id": list_id, "at": at})


def put_entry(
    connection: Connection,
    list_id: UUID,
    movie_id: int,
    around: Sequence[str | None],
    *,
    at: datetime,
) -> None:
    """Put a movie on a list between two ranks, or move it there."""
    before, after = around
    parameters = {"list_id": list_id, "movie_id": movie_id, "at": at}
    connection.execute(_PUT_ENTRY, {**parameters, "before": before, "after": after})


def delete_entry(connection: Connection, list_id: UUID, movie_id: int) -> bool:
    """Take a movie off a list; False when it was not on it."""
    parameters = {"list_id": list_id, "movie_id": movie_id}
    return connection.execute(_DELETE_ENTRY, parameters).rowcount == 1


def _list(found: CursorResult[Any]) -> MovieList | None:
    row = found.mappings().one_or_none()
    return None if row is None else MovieList(**row)


_COLUMNS = (
    "list_id, user_id, name, description, visibility, movies_count, version, created_at, updated_at"
)

_LOCK_OWNER = sa.text("select pg_advisory_xact_lock(hashtextextended(:owner, 0))")
_LISTS_COUNT = sa.text("select count(*) from movie_list where user_id = :user_id")

_INSERT_LIST = sa.text(f"""
    insert into movie_list ({_COLUMNS}) values (
        :list_id, :user_id, :name, :description, :visibility, :movies_count, :version,
        :created_at, :updated_at
    )
""")  # noqa: S608 - the columns are named above
_FIND_LIST = sa.text(f"""
    select {_COLUMNS} from movie_list
    where list_id = :list_id and (user_id = :viewer or not exists (
        select from user_access where user_access.user_id = movie_list.user_id and disabled
    ))
""")  # noqa: S608 - as above
_HOLD_LIST = sa.text(f"select {_COLUMNS} from movie_list where list_id = :list_id for update")  # noqa: S608 - as above

_LISTS_OF = sa.text(f"""
    select {_COLUMNS} from movie_list
    where user_id = :user_id and (created_at, list_id) < (:after_at, :after_id)
    order by created_at desc, list_id desc limit :most
""")  # noqa: S608 - as above

_UPDATE_LIST = sa.text(f"""
    update movie_list set
        name = coalesce(:name, name),
        description = coalesce(:description, description),
        visibility = coalesce(:visibility, visibility),
        movies_count = movies_count + :added,
        version = version + 1,
        updated_at = :at
    where list_id = :list_id returning {_COLUMNS}
""")  # noqa: S608 - as above

_DELETE_LIST = sa.text("delete from movie_list where list_id = :list_id")

# At most a thousand rows, so positions are counted rather than kept: nothing shifts on a write.
_NUMBERED = """
    select movie_id, cast(row_number() over (order by rank, movie_id) - 1 as integer) as position,
           rank, added_at
    from movie_list_entry where list_id = :list_id
"""

_ENTRIES = sa.text(f"""
    select movie_id, position, cast(rank as text) as rank, title, added_at
    from ({_NUMBERED}) as numbered join known_movie using (movie_id)
    where rank > cast(:after_rank as numeric)
    order by numbered.rank limit :most
""")  # noqa: S608 - as above

_ENTRY = sa.text(f"""
    select movie_id, position, cast(rank as text) as rank, title, numbered.added_at
    from ({_NUMBERED}) as numbered join known_movie using (movie_id)
    where movie_id = :movie_id
""")  # noqa: S608 - as above

_AROUND = sa.text("""
    with others as (
        select rank, row_number() over (order by rank) - 1 as position
        from movie_list_entry where list_id = :list_id and movie_id <> :movie_id
    ), place as (
        select coalesce(cast(:position as bigint), count(*)) as position from others
    )
    select cast((select max(rank) from others, place
                 where others.position < place.position) as text) as before,
           cast((select min(rank) from others, place
                 where others.position >= place.position) as text) as after
""")

_PUT_ENTRY = sa.text("""
    insert into movie_list_entry (list_id, movie_id, rank, added_at)
    values (:list_id, :movie_id,
        case when :before is null and :after is null then 0
             when cast(:before as numeric) is null then cast(:after as numeric) - 1
             when cast(:after as numeric) is null then cast(:before as numeric) + 1
             else (cast(:before as numeric) + cast(:after as numeric)) * 0.5 end, :at)
    on conflict (list_id, movie_id) do update set rank = excluded.rank, updated_at = :at
""")

# No new rank is one that another row still has: a unique constraint is checked row by row.
_SPACE_OUT = sa.text(f"""
    update movie_list_entry as entry
    set rank = floor((select max(rank) from movie_list_entry where list_id = :list_id))
               + 1 + numbered.position,
        updated_at = :at
    from ({_NUMBERED}) as numbered
    where entry.list_id = :list_id and entry.movie_id = numbered.movie_id
""")  # noqa: S608 - as above

_DELETE_ENTRY = sa.text("""
    delete from movie_list_entry where list_id = :list_id and movie_id = :movie_id
""")
