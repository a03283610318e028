"""Filters that keep few movies find them by indexes of their own."""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0003"
down_revision = "catalog_0002"
branch_labels = None
depends_on = None

_COLUMNS = ("vote_count", "runtime_minutes", "original_language")


def upgrade() -> None:
    for column in _COLUMNS:
        op.create_index(
            f"movie_{column}_idx",
            "movie",
            [column],
            postgresql_where=sa.text("removed_at is null"),
        )


def downgrade() -> None:
    for column in _COLUMNS:
        op.drop_index(f"movie_{column}_idx", table_name="movie")
