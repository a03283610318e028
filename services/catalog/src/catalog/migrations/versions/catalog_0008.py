"""The long tail of a backfill is fetched in the order of ids."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import renew_index

revision = "catalog_0008"
down_revision = "catalog_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _renew("greatest(popularity, 1) desc")


def downgrade() -> None:
    _renew("popularity desc")


def _renew(order: str) -> None:
    renew_index(
        op.get_context(),
        "sync_item_pending_idx",
        "sync_item",
        ["source", sa.text(order), "movie_id"],
        postgresql_where=sa.text("state = 'pending'"),
    )
