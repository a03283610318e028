"""Accounts: those that are disabled are found without reading all."""

import sqlalchemy as sa
from alembic import op

revision = "users_0006"
down_revision = "users_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "user_disabled_idx", "user", ["user_id"], postgresql_where=sa.text("status = 'disabled'")
    )


def downgrade() -> None:
    op.drop_index("user_disabled_idx", "user")
