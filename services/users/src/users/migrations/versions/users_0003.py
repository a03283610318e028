"""Erasures: who acknowledged them, and names that nobody gets again."""

import sqlalchemy as sa
from alembic import op

revision = "users_0003"
down_revision = "users_0002"
branch_labels = None
depends_on = "chassis_0002"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "erasure_acknowledgement",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("deleted_rows_count", sa.BigInteger(), nullable=False),
        *_timestamps(),
        sa.ForeignKeyConstraint(
            ["erasure_id"],
            ["erasure.erasure_id"],
            name=op.f("erasure_acknowledgement_erasure_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("erasure_id", "service", name=op.f("erasure_acknowledgement_pkey")),
    )
    op.create_table(
        "retired_username",
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        *_timestamps(),
        sa.PrimaryKeyConstraint("pseudonym", name=op.f("retired_username_pkey")),
    )


def downgrade() -> None:
    op.drop_table("retired_username")
    op.drop_table("erasure_acknowledgement")


def _timestamps() -> list[sa.Column[object]]:
    return [
        sa.Column(name, _MOMENT, server_default=sa.func.now(), nullable=False)
        for name in ("created_at", "updated_at")
    ]
