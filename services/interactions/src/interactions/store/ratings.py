"""Ratings in bulk: whatever the batch's size, a handful of statements."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from interactions.domain.ratings import ImportedRating, NumberedRating, RatingBefore


def locked_sequences(connection: Connection, user_ids: set[UUID]) -> dict[UUID, int]:
    """Each person's sequence, held until the transaction ends.

    In the order of ids, so that two batches with the same people wait rather than deadlock.
    """
    parameters = {"user_ids": sorted(str(user_id) for user_id in user_ids)}
    connection.execute(_BEGIN_SEQUENCES, parameters)
    return {row.user_id: row.sequence for row in connection.execute(_LOCK_SEQUENCES, parameters)}


def ratings_before(
    connection: Connection, ratings: Sequence[ImportedRating]
) -> dict[tuple[UUID, int], RatingBefore]:
    """What stands where these ratings want to go."""
    parameters = {
        "user_ids": [str(rating.user_id) for rating in ratings],
        "movie_ids": [rating.movie_id for rating in ratings],
    }
    return {
        (row.user_id, row.movie_id): RatingBefore(
            row.rating, row.review, row.has_spoilers, row.deleted, row.changed_at
        )
        for row in connection.execute(_BEFORE, parameters)
    }


def keep_ratings(connection: Connection, ratings: Sequence[NumberedRating]) -> None:
    """Write the ratings and their owners' sequences in one statement."""
    connection.execute(
        _KEEP,
        {
            "user_ids": [str(rating.imported.user_id) for rating in ratings],
            "movie_ids": [rating.imported.movie_id for rating in ratings],
            "ratings": [rating.imported.rating for rating in ratings],
            "rated_ats": [rating.imported.rated_at for rating in ratings],
            "versions": [rating.sequence for rating in ratings],
            "reviews": [rating.imported.review for rating in ratings],
            "has_spoilers": [rating.imported.has_spoilers for rating in ratings],
        },
    )


_BEGIN_SEQUENCES = sa.text("""
    insert into user_sequence (user_id, sequence)
    select user_id, 0 from unnest(cast(:user_ids as uuid[])) as asked (user_id) order by user_id
    on conflict (user_id) do nothing
""")

_LOCK_SEQUENCES = sa.text("""
    select user_id, sequence from user_sequence
    where user_id = any (cast(:user_ids as uuid[]))
    order by user_id for update
""")

_BEFORE = sa.text("""
    select user_id, movie_id, rating.rating, rating.review, rating.has_spoilers,
           rating.deleted_at is not null as deleted,
           coalesce(rating.deleted_at, rating.updated_at) as changed_at
    from rating
    join unnest(cast(:user_ids as uuid[]), cast(:movie_ids as bigint[]))
         as asked (user_id, movie_id) using (user_id, movie_id)
""")

_KEEP = sa.text("""
    with given as (
        select * from unnest(
            cast(:user_ids as uuid[]), cast(:movie_ids as bigint[]),
            cast(:ratings as float8[]), cast(:rated_ats as timestamptz[]),
            cast(:versions as bigint[]), cast(:reviews as text[]), cast(:has_spoilers as bool[])
        ) as given (user_id, movie_id, rating, rated_at, version, review, has_spoilers)
    ), counted as (
        update user_sequence set sequence = latest.sequence, updated_at = now()
        from (select user_id, max(version) as sequence from given group by user_id) as latest
        where user_sequence.user_id = latest.user_id
    )
    insert into rating (
        user_id, movie_id, version, rating, review, has_spoilers, rated_at, updated_at
    )
    select user_id, movie_id, version, rating, review, has_spoilers, rated_at, rated_at from given
    on conflict (user_id, movie_id) do update set
        version = excluded.version,
        rating = excluded.rating,
        review = excluded.review,
        has_spoilers = excluded.has_spoilers,
        rated_at = case when rating.deleted_at is null
                        then rating.rated_at else excluded.rated_at end,
        updated_at = excluded.updated_at,
        deleted_at = null
""")
