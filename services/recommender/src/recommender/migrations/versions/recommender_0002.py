"""Recent popularity counts by weight, once a person: all movies are counted anew."""

from alembic import op

revision = "recommender_0002"
down_revision = "recommender_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("delete from progress where name = 'popularity'")


def downgrade() -> None:
    op.execute("delete from progress where name = 'popularity'")
