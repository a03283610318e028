"""Consent: since when it has been what it is."""

import sqlalchemy as sa
from alembic import op

revision = "users_0005"
down_revision = "users_0004"
branch_labels = None
depends_on = None

_COLUMNS = ("stored_since", "named_since")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("preferences", sa.Column(name, sa.DateTime(timezone=True)))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("preferences", name)
