"""Tables. Keys of a person's rows lead with user_id; a row taken back stays as a tombstone."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import metadata_naming, timestamps
from chassis.tables import attach

metadata = sa.MetaData(naming_convention=metadata_naming)
attach(metadata)

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")

outbox = metadata.tables["outbox"]

known_movie = sa.Table(
    "known_movie",
    metadata,
    sa.Column("movie_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("genre_ids", ARRAY(sa.BigInteger), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("release_date", sa.Date),
    sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
    # When the catalogue stored or removed it, by the catalogue's clock.
    sa.Column("changed_at", _MOMENT, nullable=False),
    *timestamps(),
    sa.Index("known_movie_release_date_idx", "release_date"),
)

user_sequence = sa.Table(
    "user_sequence",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    *timestamps(),
)

# Whether a person may sign in; those whose access never changed have no row.
user_access = sa.Table(
    "user_access",
    metadata,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("disabled", sa.Boolean, nullable=False),
    # The account's, by which users orders what it tells.
    sa.Column("version", sa.BigInteger, nullable=False),
    *timestamps(),
)


def _interaction(name: str, moment: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    """One row for each person and movie; `moment` names the column that lists are ordered by."""
    live = sa.text("deleted_at is null")
    return sa.Table(
        name,
        metadata,
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column(
            "movie_id",
            sa.BigInteger,
            sa.ForeignKey("known_movie.movie_id", ondelete="RESTRICT"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column(moment, _MOMENT, nullable=False),
        *columns,
        sa.Column("deleted_at", _MOMENT),
        *timestamps(),
        sa.Index(f"{name}_listed_idx", "user_id", moment, "movie_id", postgresql_where=live),
        sa.Index(f"{name}_changed_idx", "user_id", "version"),
    )


favorite = _interaction("favorite", "favorited_at")

rating = _interaction(
    "rating",
    "rated_at",
    sa.Column("rating", sa.Double, nullable=False),
    sa.Column("review", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("has_spoilers", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint(
        "rating between 0.5 and 5.0 and rating * 2 = floor(rating * 2)", name="rating"
    ),
    sa.Index(
        "rating_reviewed_idx",
        "movie_id",
        "rated_at",
        "user_id",
        postgresql_where=sa.text("deleted_at is null and review <> ''"),
    ),
)

watchlist_entry = _interaction(
    "watchlist_entry",
    "added_at",
    sa.Column("note", sa.Text, nullable=False, server_default=_EMPTY),
    # When the person was told that the movie has come out; once, however its date moves.
    sa.Column("released_told_at", _MOMENT),
    sa.Index(
        "watchlist_entry_untold_idx",
        "movie_id",
        postgresql_where=sa.text("deleted_at is null and released_told_at is null"),
    ),
)

hidden_movie = _interaction(
    "hidden_movie",
    "hidden_at",
    sa.Column("reason", sa.Text, nullable=False, server_default=_EMPTY),
    sa.CheckConstraint("reason in ('', 'seen', 'not_now', 'never')", name="reason"),
)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


movie_stats = sa.Table(
    "movie_stats",
    metadata,
    sa.Column("movie_id", sa.BigInteger, primary_key=True, autoincrement=False),
    _count("ratings_count"),
    sa.Column("ratings_sum", sa.Double, nullable=False, server_default="0"),
    _count("favorites_count"),
    _count("reviews_count"),
    _count("watchlist_count"),
    *timestamps(),
)

movie_list = sa.Table(
    "movie_list",
    metadata,
    sa.Column("list_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("visibility", sa.Text, nullable=False),
    _count("movies_count"),
    sa.Column("version", sa.BigInteger, nullable=False),
    *timestamps(),
    sa.CheckConstraint("visibility in ('public', 'friends', 'private')", name="visibility"),
    sa.Index("movie_list_listed_idx", "user_id", "created_at", "list_id"),
)

movie_list_entry = sa.Table(
    "movie_list_entry",
    metadata,
    sa.Column(
        "list_id",
        sa.Uuid,
        sa.ForeignKey("movie_list.list_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column(
        "movie_id",
        sa.BigInteger,
        sa.ForeignKey("known_movie.movie_id", ondelete="RESTRICT"),
        primary_key=True,
        autoincrement=False,
    ),
    # Orders the list; between any two there is a third, so nothing shifts when one comes.
    sa.Column("rank", sa.Numeric, nullable=False),
    sa.Column("added_at", _MOMENT, nullable=False),
    *timestamps(),
    sa.UniqueConstraint("list_id", "rank"),
)

movie_import = sa.Table(
    "import",
    metadata,
    sa.Column("import_id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("source", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("filename", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("state", sa.Text, nullable=False),
    _count("total_rows_count"),
    # Also where reading goes on: advanced in the transaction of what the rows became.
    _count("rows_count"),
    _count("imported_count"),
    _count("unchanged_count"),
    _count("skipped_count"),
    sa.Column("error", sa.Text, nullable=False, server_default=_EMPTY),
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("content_sha256", sa.LargeBinary, nullable=False, server_default=_EMPTY),
    sa.Column("finished_at", _MOMENT),
    *timestamps(),
    sa.CheckConstraint(
        "state in ('uploading', 'queued', 'running', 'done', 'failed')", name="state"
    ),
    sa.Index("import_user_id_created_at_idx", "user_id", "created_at"),
    sa.Index(
        "import_unfinished_idx",
        "updated_at",
        postgresql_where=sa.text("state in ('uploading', 'queued', 'running')"),
    ),
)


def _of_an_import() -> sa.Column[Any]:
    return sa.Column(
        "import_id",
        sa.Uuid,
        sa.ForeignKey("import.import_id", ondelete="CASCADE"),
        primary_key=True,
    )


# The uploaded file until it has been read to its end.
import_chunk = sa.Table(
    "import_chunk",
    metadata,
    _of_an_import(),
    sa.Column("chunk_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    *timestamps(),
)

import_row_error = sa.Table(
    "import_row_error",
    metadata,
    _of_an_import(),
    # Its place among all rows of all files.
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("row", sa.BigInteger, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    *timestamps(),
)
