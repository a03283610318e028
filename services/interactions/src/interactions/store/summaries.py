"""What many rows say together: states, statistics, reviews, changes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from interactions.domain.counts import InteractionStats
from interactions.store.entries import BEFORE_ALL

EVER = datetime.min.replace(tzinfo=UTC)
LAST_USER = UUID(int=2**128 - 1)

ReviewCursor = tuple[datetime, UUID]
BEFORE_ALL_REVIEWS: ReviewCursor = (BEFORE_ALL[0], LAST_USER)


def movie_states(
    connection: Connection, user_id: UUID, movie_ids: Sequence[int]
) -> Sequence[Row[Any]]:
    """movie_id, favorite, rating, watchlist, hidden: one row for each id asked, in its order."""
    return connection.execute(_STATES, {"user_id": user_id, "movie_ids": list(movie_ids)}).all()


def interaction_stats(connection: Connection, user_id: UUID, since: datetime) -> InteractionStats:
    """Counts, histogram and genres of what a person did since then."""
    parameters = {"user_id": user_id, "since": since}
    counts = connection.execute(_COUNTS, parameters).one()
    return InteractionStats(
        favorites_count=counts.favorites_count,
        watchlist_count=counts.watchlist_count,
        hidden_count=counts.hidden_count,
        ratings=connection.execute(_HISTOGRAM, parameters).all(),
        genres=connection.execute(_GENRES, parameters).all(),
    )


def reviews(
    connection: Connection, movie_id: int, *, after: ReviewCursor, limit: int
) -> Sequence[Row[Any]]:
    """Ratings of a movie that have a review, newest first; none of people who are disabled."""
    parameters = {"movie_id": movie_id, "after_at": after[0], "after_user": after[1]}
    return connection.execute(_REVIEWS, {**parameters, "most": limit}).all()


def movie_stats(connection: Connection, movie_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Counts and mean rating: one row for each id asked, in its order."""
    return connection.execute(_MOVIE_STATS, {"movie_ids": list(movie_ids)}).all()


def changes(
    connection: Connection, user_id: UUID, *, after_sequence: int, limit: int
) -> tuple[int, Sequence[Row[Any]]]:
    """A person's sequence, and the rows written after another one, by sequence; one snapshot."""
    parameters = {"user_id": user_id, "after": after_sequence, "most": limit}
    rows = connection.execute(_CHANGES, parameters).all()
    return rows[0].current, [row for row in rows if row.movie_id is not None]


_STATES = sa.text("""
    select asked.movie_id, favorite.movie_id is not null as favorite, rating.rating,
           watchlist_entry.movie_id is not null as watchlist,
           hidden_movie.movie_id is not null as hidden
    from unnest(cast(:movie_ids as bigint[])) with ordinality as asked (movie_id, position)
    left join favorite on favorite.user_id = :user_id
        and favorite.movie_id = asked.movie_id and favorite.deleted_at is null
    left join rating on rating.user_id = :user_id
        and rating.movie_id = asked.movie_id and rating.deleted_at is null
    left join watchlist_entry on watchlist_entry.user_id = :user_id
        and watchlist_entry.movie_id = asked.movie_id and watchlist_entry.deleted_at is null
    left join hidden_movie on hidden_movie.user_id = :user_id
        and hidden_movie.movie_id = asked.movie_id and hidden_movie.deleted_at is null
    order by asked.position
""")

_COUNTS = sa.text("""
    select
        (select count(*) from favorite where user_id = :user_id
            and deleted_at is null and favorited_at >= :since) as favorites_count,
        (select count(*) from watchlist_entry where user_id = :user_id
            and deleted_at is null and added_at >= :since) as watchlist_count,
        (select count(*) from hidden_movie where user_id = :user_id
            and deleted_at is null and hidden_at >= :since) as hidden_count
""")

_HISTOGRAM = sa.text("""
    select rating, count(*) as ratings_count, count(*) filter (where review <> '') as reviews_count
    from rating
    where user_id = :user_id and deleted_at is null and rated_at >= :since
    group by rating order by rating
""")

_GENRES = sa.text("""
    with touched as (
        select movie_id, rating from rating
            where user_id = :user_id and deleted_at is null and rated_at >= :since
        union all select movie_id, null from favorite
            where user_id = :user_id and deleted_at is null and favorited_at >= :since
        union all select movie_id, null from watchlist_entry
            where user_id = :user_id and deleted_at is null and added_at >= :since
    ), once as (
        select movie_id, max(rating) as rating from touched group by movie_id
    )
    select genre_id, count(*) as movies_count, coalesce(avg(once.rating), 0) as average_rating
    from once join known_movie using (movie_id)
    cross join unnest(known_movie.genre_ids) as genre_id
    group by genre_id order by movies_count desc, genre_id
""")

_REVIEWS = sa.text("""
    select user_id, movie_id, rating, review, has_spoilers, rated_at
    from rating
    where movie_id = :movie_id and deleted_at is null and review <> ''
      and not exists (
          select from user_access where user_access.user_id = rating.user_id and disabled
      )
      and (rated_at, user_id) < (:after_at, :after_user)
    order by rated_at desc, user_id desc limit :most
""")

# A removal may be counted before its addition when two relays publish: nothing is shown below 0.
_MOVIE_STATS = sa.text("""
    select asked.movie_id,
           greatest(coalesce(ratings_count, 0), 0) as ratings_count,
           case when ratings_count > 0 then ratings_sum / ratings_count else 0 end
               as average_rating,
           greatest(coalesce(favorites_count, 0), 0) as favorites_count,
           greatest(coalesce(reviews_count, 0), 0) as reviews_count,
           greatest(coalesce(watchlist_count, 0), 0) as watchlist_count
    from unnest(cast(:movie_ids as bigint[])) with ordinality as asked (movie_id, position)
    left join movie_stats using (movie_id)
    order by asked.position
""")

_CHANGES = sa.text("""
    with changed as (
        (select movie_id, 1 as kind, version, deleted_at, 0.0::float8 as rating, '' as reason,
                updated_at from favorite
            where user_id = :user_id and version > :after order by version limit :most)
        union all
        (select movie_id, 2, version, deleted_at, rating, '', updated_at from rating
            where user_id = :user_id and version > :after order by version limit :most)
        union all
        (select movie_id, 3, version, deleted_at, 0.0, '', updated_at from watchlist_entry
            where user_id = :user_id and version > :after order by version limit :most)
        union all
        (select movie_id, 4, version, deleted_at, 0.0, reason, updated_at from hidden_movie
            where user_id = :user_id and version > :after order by version limit :most)
        order by version limit :most
    )
    select coalesce((select sequence from user_sequence where user_id = :user_id), 0) as current,
           changed.*
    from (values (1)) as one left join changed on true
    order by changed.version
""")
