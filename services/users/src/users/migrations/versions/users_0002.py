"""Tokens of password resets."""

import sqlalchemy as sa
from alembic import op

revision = "users_0002"
down_revision = "users_0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "password_reset",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        *[
            sa.Column(name, _MOMENT, server_default=sa.func.now(), nullable=False)
            for name in ("created_at", "updated_at")
        ],
        sa.CheckConstraint(
            "octet_length(token_hash) = 32", name=op.f("password_reset_token_hash_check")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user.user_id"],
            name=op.f("password_reset_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("password_reset_pkey")),
    )
    op.create_index("password_reset_user_id_idx", "password_reset", ["user_id", "created_at"])


def downgrade() -> None:
    op.drop_table("password_reset")
