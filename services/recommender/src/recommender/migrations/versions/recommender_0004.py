"""How many interactions were counted when a model's training read them."""

import sqlalchemy as sa
from alembic import op

revision = "recommender_0004"
down_revision = "recommender_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    counted = sa.Column("counted_interactions", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("model", counted)
    op.execute("update model set counted_interactions = interactions_count")


def downgrade() -> None:
    op.drop_column("model", "counted_interactions")
