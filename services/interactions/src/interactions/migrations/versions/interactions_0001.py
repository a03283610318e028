"""Four kinds of interaction, the replica of movies, sequences and counts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "interactions_0001"
down_revision = None
branch_labels = ("interactions",)
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")
_KINDS = ("favorite", "rating", "watchlist_entry", "hidden_movie")


def upgrade() -> None:
    _create_known_movie()
    op.create_table(
        "user_sequence",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("user_id", name="user_sequence_pkey"),
    )
    _create_kinds()
    _create_movie_stats()


def downgrade() -> None:
    for table in ("movie_stats", *_KINDS, "user_sequence", "known_movie"):
        op.drop_table(table)


def _timestamps() -> list[sa.Column[object]]:
    return [
        sa.Column(name, _MOMENT, nullable=False, server_default=sa.func.now())
        for name in ("created_at", "updated_at")
    ]


def _create_known_movie() -> None:
    op.create_table(
        "known_movie",
        sa.Column("movie_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("genre_ids", ARRAY(sa.BigInteger), nullable=False, server_default="{}"),
        sa.Column("release_date", sa.Date),
        sa.Column("removed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("changed_at", _MOMENT, nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("movie_id", name="known_movie_pkey"),
    )


def _create_kinds() -> None:
    _create_kind("favorite", "favorited_at")
    _create_kind(
        "rating",
        "rated_at",
        sa.Column("rating", sa.Double, nullable=False),
        sa.Column("review", sa.Text, nullable=False, server_default=_EMPTY),
        sa.Column("has_spoilers", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.CheckConstraint(
            "rating between 0.5 and 5.0 and rating * 2 = floor(rating * 2)",
            name=op.f("rating_rating_check"),
        ),
    )
    op.create_index(
        "rating_reviewed_idx",
        "rating",
        ["movie_id", "rated_at", "user_id"],
        postgresql_where=sa.text("deleted_at is null and review <> ''"),
    )
    _create_kind(
        "watchlist_entry",
        "added_at",
        sa.Column("note", sa.Text, nullable=False, server_default=_EMPTY),
    )
    _create_kind(
        "hidden_movie",
        "hidden_at",
        sa.Column("reason", sa.Text, nullable=False, server_default=_EMPTY),
        sa.CheckConstraint(
            "reason in ('', 'seen', 'not_now', 'never')", name=op.f("hidden_movie_reason_check")
        ),
    )


def _create_kind(name: str, moment: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("movie_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column(moment, _MOMENT, nullable=False),
        *columns,
        sa.Column("deleted_at", _MOMENT),
        *_timestamps(),
        sa.PrimaryKeyConstraint("user_id", "movie_id", name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["movie_id"],
            ["known_movie.movie_id"],
            name=f"{name}_movie_id_fkey",
            ondelete="RESTRICT",
        ),
    )
    op.create_index(
        f"{name}_listed_idx",
        name,
        ["user_id", moment, "movie_id"],
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_index(f"{name}_changed_idx", name, ["user_id", "version"])


def _create_movie_stats() -> None:
    counts = ("ratings_count", "favorites_count", "reviews_count", "watchlist_count")
    op.create_table(
        "movie_stats",
        sa.Column("movie_id", sa.BigInteger, autoincrement=False, nullable=False),
        *[sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in counts],
        sa.Column("ratings_sum", sa.Double, nullable=False, server_default="0"),
        *_timestamps(),
        sa.PrimaryKeyConstraint("movie_id", name="movie_stats_pkey"),
    )
