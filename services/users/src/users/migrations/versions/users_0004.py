"""Recommendation mails: the week a person had the last one for."""

import sqlalchemy as sa
from alembic import op

revision = "users_0004"
down_revision = "users_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("preferences", sa.Column("recommendations_mailed_for", sa.Date()))


def downgrade() -> None:
    op.drop_column("preferences", "recommendations_mailed_for")
