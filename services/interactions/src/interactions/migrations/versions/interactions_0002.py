"""Own lists."""

import sqlalchemy as sa
from alembic import op

revision = "interactions_0002"
down_revision = "interactions_0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "movie_list",
        sa.Column("list_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("movies_count", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("version", sa.BigInteger, nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("list_id", name="movie_list_pkey"),
        sa.CheckConstraint(
            "visibility in ('public', 'friends', 'private')",
            name=op.f("movie_list_visibility_check"),
        ),
    )
    op.create_index("movie_list_listed_idx", "movie_list", ["user_id", "created_at", "list_id"])
    op.create_table(
        "movie_list_entry",
        sa.Column("list_id", sa.Uuid, nullable=False),
        sa.Column("movie_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("rank", sa.Numeric, nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("list_id", "movie_id", name="movie_list_entry_pkey"),
        sa.UniqueConstraint("list_id", "rank", name="movie_list_entry_list_id_rank_key"),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["movie_list.list_id"],
            name="movie_list_entry_list_id_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["movie_id"],
            ["known_movie.movie_id"],
            name="movie_list_entry_movie_id_fkey",
            ondelete="RESTRICT",
        ),
    )


def downgrade() -> None:
    op.drop_table("movie_list_entry")
    op.drop_table("movie_list")


def _timestamps() -> list[sa.Column[object]]:
    return [
        sa.Column(name, _MOMENT, nullable=False, server_default=sa.func.now())
        for name in ("created_at", "updated_at")
    ]
