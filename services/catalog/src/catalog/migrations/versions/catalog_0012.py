"""Tombstones by age: after some months little is left of them."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import drop_index, renew_index

revision = "catalog_0012"
down_revision = "catalog_0011"
branch_labels = None
depends_on = None

_INDEX = "movie_removed_at_idx"


def upgrade() -> None:
    renew_index(
        op.get_context(),
        _INDEX,
        "movie",
        ["removed_at"],
        postgresql_where=sa.text("removed_at is not null and content_hash <> ''"),
    )


def downgrade() -> None:
    drop_index(op.get_context(), _INDEX, "movie")
