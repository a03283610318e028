"""A lease is one row for a batch of movies rather than a mark on each of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from chassis.migrations import drop_index, renew_index

revision = "catalog_0010"
down_revision = "catalog_0009"
branch_labels = None
depends_on = None

_INDEX = "sync_item_leased_by_idx"


def upgrade() -> None:
    drop_index(op.get_context(), _INDEX, "sync_item")
    op.create_table(
        "sync_lease",
        sa.Column("lease_id", sa.Uuid(), nullable=False),
        sa.Column("sync_run_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("movie_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        *(
            sa.Column(
                name,
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
            )
            for name in ("created_at", "updated_at")
        ),
        sa.PrimaryKeyConstraint("lease_id", name=op.f("sync_lease_pkey")),
    )


def downgrade() -> None:
    renew_index(
        op.get_context(),
        _INDEX,
        "sync_item",
        ["leased_by"],
        postgresql_where=sa.text("leased_by is not null"),
    )
    op.drop_table("sync_lease")
