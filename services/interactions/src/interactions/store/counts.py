"""movie_stats: sums of differences, so that neither order nor batching matters."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from interactions.domain.counts import MovieCounts


def add_counts(connection: Connection, differences: Mapping[int, MovieCounts]) -> None:
    """Add to the counts of each movie; by id, so that two consumers wait rather than deadlock."""
    movie_ids = sorted(movie_id for movie_id, one in differences.items() if one != MovieCounts())
    if not movie_ids:
        return
    ordered = [differences[movie_id] for movie_id in movie_ids]
    connection.execute(
        _ADD,
        {
            "movie_ids": movie_ids,
            "ratings_counts": [one.ratings_count for one in ordered],
            "ratings_sums": [one.ratings_sum for one in ordered],
            "favorites_counts": [one.favorites_count for one in ordered],
            "reviews_counts": [one.reviews_count for one in ordered],
            "watchlist_counts": [one.watchlist_count for one in ordered],
        },
    )


_ADD = sa.text("""
    insert into movie_stats (
        movie_id, ratings_count, ratings_sum, favorites_count, reviews_count, watchlist_count
    )
    select * from unnest(
        cast(:movie_ids as bigint[]), cast(:ratings_counts as bigint[]),
        cast(:ratings_sums as float8[]), cast(:favorites_counts as bigint[]),
        cast(:reviews_counts as bigint[]), cast(:watchlist_counts as bigint[])
    )
    on conflict (movie_id) do update set
        ratings_count = movie_stats.ratings_count + excluded.ratings_count,
        ratings_sum = movie_stats.ratings_sum + excluded.ratings_sum,
        favorites_count = movie_stats.favorites_count + excluded.favorites_count,
        reviews_count = movie_stats.reviews_count + excluded.reviews_count,
        watchlist_count = movie_stats.watchlist_count + excluded.watchlist_count,
        updated_at = now()
""")
