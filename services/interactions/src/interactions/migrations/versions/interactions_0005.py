"""Whose accounts are disabled: what they have shown is shown no more."""

import sqlalchemy as sa
from alembic import op

from chassis.database import timestamps

revision = "interactions_0005"
down_revision = "interactions_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "user_access",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *timestamps(),
        sa.PrimaryKeyConstraint("user_id", name="user_access_pkey"),
    )


def downgrade() -> None:
    op.drop_table("user_access")
