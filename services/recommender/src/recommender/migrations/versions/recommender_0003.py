"""Lists made ahead, probabilities of exploration, and what searches of options found."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "recommender_0003"
down_revision = "recommender_0002"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def upgrade() -> None:
    none, nothing = sa.text("'{}'"), sa.text("'{}'::jsonb")
    for column in (
        sa.Column("probabilities", ARRAY(sa.REAL), nullable=False, server_default=none),
        sa.Column("blend", JSONB, nullable=False, server_default=nothing),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default="-1"),
        sa.Column("preferences_version", sa.BigInteger, nullable=False, server_default="-1"),
        sa.Column("ahead", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("ranked_list", column)
    op.create_index(
        "ranked_list_ahead_key",
        "ranked_list",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("ahead"),
    )
    op.add_column("recommendation", sa.Column("probability", sa.Double))
    op.create_table(
        "search",
        sa.Column("search_id", sa.Uuid, primary_key=True),
        sa.Column("chosen", JSONB, nullable=False),
        sa.Column("trials", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    )


def downgrade() -> None:
    op.drop_table("search")
    op.drop_column("recommendation", "probability")
    op.drop_index("ranked_list_ahead_key", "ranked_list")
    for name in ("ahead", "preferences_version", "sequence", "blend", "probabilities"):
        op.drop_column("ranked_list", name)
