"""Watchlists: who has been told that a movie has come out."""

import sqlalchemy as sa
from alembic import op

revision = "interactions_0004"
down_revision = "interactions_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("watchlist_entry", sa.Column("released_told_at", sa.DateTime(timezone=True)))
    op.create_index(
        "watchlist_entry_untold_idx",
        "watchlist_entry",
        ["movie_id"],
        postgresql_where=sa.text("deleted_at is null and released_told_at is null"),
    )
    op.create_index("known_movie_release_date_idx", "known_movie", ["release_date"])


def downgrade() -> None:
    op.drop_index("known_movie_release_date_idx", "known_movie")
    op.drop_index("watchlist_entry_untold_idx", "watchlist_entry")
    op.drop_column("watchlist_entry", "released_told_at")
