"""Who was erased, by pseudonym."""

import sqlalchemy as sa
from alembic import op

revision = "chassis_0002"
down_revision = "chassis_0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("pseudonym", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_rows_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("finished_at", _MOMENT, nullable=True),
        *[
            sa.Column(name, _MOMENT, server_default=sa.func.now(), nullable=False)
            for name in ("created_at", "updated_at")
        ],
        sa.PrimaryKeyConstraint("erasure_id", name=op.f("erasure_pkey")),
        sa.UniqueConstraint("pseudonym", name="erasure_pseudonym_key"),
    )


def downgrade() -> None:
    op.drop_table("erasure")
