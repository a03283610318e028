"""Movies with what hangs on them, and collections."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from catalog.tables.columns import (
    EMPTY_ARRAY,
    EMPTY_OBJECT,
    FALSE,
    MOMENT,
    metadata,
    number,
    of_movie,
    of_movie_unchecked,
    text,
)
from chassis.database import timestamps

collection = sa.Table(
    "collection",
    metadata,
    sa.Column("collection_id", sa.BigInteger, primary_key=True, autoincrement=False),
    text("name"),
    text("overview"),
    text("poster_path"),
    text("backdrop_path"),
    *timestamps(),
)

_LIVE = sa.text("removed_at is null")
_TOMBSTONE = sa.text("removed_at is not null and content_hash <> ''")
COMPARED = ("adult", "original_language", "popularity", "release_date", "runtime_minutes",
             "vote_average", "vote_count")  # fmt: skip


def _browsed(column: str) -> sa.Index:
    """An order of browsing or the beginning of a filter, with all that is compared and sorted by
    beside it: what is dropped is never fetched."""
    included = [name for name in COMPARED if name != column]
    return sa.Index(
        f"movie_{column}_idx",
        column,
        "tmdb_id",
        postgresql_where=_LIVE,
        postgresql_include=included,
    )


RUNTIME_STEP: Any = sa.literal_column("least((runtime_minutes + 14) / 15, 20)", sa.Integer)
RATING_STEP: Any = sa.literal_column("least(floor(vote_average * 2)::integer, 19)", sa.Integer)
DATE_STEP: Any = sa.literal_column(
    "least(greatest((release_date - '1900-01-01'::date) / 3653, 0), 20)", sa.Integer
)

_DATED = sa.text("removed_at is null and release_date is not null")


def _stepped(
    step: sa.ColumnElement[Any], name: str, column: str, where: sa.TextClause = _LIVE
) -> sa.Index:
    """A filter in steps, each in an order of its own: `browsing` walks several at once."""
    included = [one for one in COMPARED if one != column]
    return sa.Index(
        name,
        step,
        column,
        "tmdb_id",
        postgresql_where=where,
        postgresql_include=included,
    )


movie = sa.Table(
    "movie",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tmdb_id", sa.BigInteger, nullable=False),
    number("version"),
    text("source"),
    text("title"),
    text("original_title"),
    text("original_language"),
    text("title_key"),
    text("overview"),
    text("tagline"),
    text("status"),
    text("homepage"),
    sa.Column("release_date", sa.Date),
    number("runtime_minutes", sa.Integer),
    number("budget"),
    number("revenue"),
    text("imdb_id"),
    sa.Column("adult", sa.Boolean, nullable=False, server_default=FALSE),
    text("poster_path"),
    text("backdrop_path"),
    number("popularity", sa.Double),
    number("vote_average", sa.Double),
    number("vote_count"),
    sa.Column("collection_id", sa.BigInteger, sa.ForeignKey("collection.collection_id")),
    sa.Column("external_ids", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("production_countries", ARRAY(sa.Text), nullable=False, server_default=EMPTY_ARRAY),
    sa.Column("spoken_languages", ARRAY(sa.Text), nullable=False, server_default=EMPTY_ARRAY),
    sa.Column("watch_providers", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    sa.Column("removed_at", MOMENT),
    *timestamps(),
    sa.UniqueConstraint("tmdb_id"),
    sa.CheckConstraint("source in ('tmdb', 'standin', 'import')", name="source"),
    _browsed("popularity"),
    _browsed("vote_average"),
    _browsed("release_date"),
    _browsed("title_key"),
    _browsed("vote_count"),
    _browsed("runtime_minutes"),
    _browsed("original_language"),
    _stepped(RUNTIME_STEP, "movie_runtime_step_popularity_idx", "popularity"),
    # Else the first step would have what is without a date: least and greatest pass over null.
    _stepped(DATE_STEP, "movie_date_step_popularity_idx", "popularity", _DATED),
    _stepped(RATING_STEP, "movie_rating_step_release_date_idx", "release_date"),
    sa.Index("movie_collection_id_idx", "collection_id", "release_date", "tmdb_id"),
    sa.Index("movie_imdb_id_idx", "imdb_id", postgresql_where=sa.text("imdb_id <> ''")),
    sa.Index("movie_removed_at_idx", "removed_at", postgresql_where=_TOMBSTONE),
)

genre = sa.Table(
    "genre",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tmdb_id", sa.BigInteger, nullable=False),
    text("name"),
    *timestamps(),
    sa.UniqueConstraint("tmdb_id"),
)

genre_translation = sa.Table(
    "genre_translation",
    metadata,
    sa.Column("genre_id", sa.BigInteger, sa.ForeignKey("genre.tmdb_id"), primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    text("name"),
    *timestamps(),
)

movie_genre = sa.Table(
    "movie_genre",
    metadata,
    of_movie(),
    sa.Column("genre_id", sa.BigInteger, sa.ForeignKey("genre.tmdb_id"), primary_key=True),
    *timestamps(),
    sa.Index("movie_genre_genre_id_idx", "genre_id", "movie_id"),
)

translation = sa.Table(
    "translation",
    metadata,
    of_movie_unchecked(),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, primary_key=True),
    text("title"),
    text("overview"),
    text("tagline"),
    *timestamps(),
)

keyword = sa.Table(
    "keyword",
    metadata,
    sa.Column("keyword_id", sa.BigInteger, primary_key=True, autoincrement=False),
    text("name"),
    *timestamps(),
)

movie_keyword = sa.Table(
    "movie_keyword",
    metadata,
    of_movie_unchecked(),
    sa.Column("keyword_id", sa.BigInteger, primary_key=True),
    *timestamps(),
    sa.Index("movie_keyword_keyword_id_idx", "keyword_id", "movie_id"),
)

video = sa.Table(
    "video",
    metadata,
    of_movie_unchecked(),
    sa.Column("video_id", sa.Text, primary_key=True),
    text("name"),
    text("site"),
    text("key"),
    text("type"),
    text("language"),
    sa.Column("official", sa.Boolean, nullable=False, server_default=FALSE),
    *timestamps(),
)

certification = sa.Table(
    "certification",
    metadata,
    of_movie_unchecked(),
    sa.Column("region", sa.Text, primary_key=True),
    text("certification"),
    *timestamps(),
)

featured_movie = sa.Table(
    "featured_movie",
    metadata,
    sa.Column("list_name", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("movie_id", sa.BigInteger, nullable=False),
    *timestamps(),
)
