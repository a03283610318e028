"""The catalogue's size is asked for: no replica of its movies."""

import sqlalchemy as sa
from alembic import op

revision = "analytics_0003"
down_revision = "analytics_0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_table("catalog_movie")


def downgrade() -> None:
    op.create_table(
        "catalog_movie",
        sa.Column("movie_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("movie_id", name="catalog_movie_pkey"),
    )
