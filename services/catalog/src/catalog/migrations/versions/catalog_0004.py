"""Runs tell new fields; who speaks to TMDb."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "catalog_0004"
down_revision = "catalog_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sync_run",
        sa.Column(
            "unknown_fields",
            postgresql.JSONB(),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
    )
    op.create_table(
        "sync_speaker",
        sa.Column("speaker_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(
                column,
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
            )
            for column in ("created_at", "updated_at")
        ),
        sa.PrimaryKeyConstraint("speaker_id", name="sync_speaker_pkey"),
    )


def downgrade() -> None:
    op.drop_table("sync_speaker")
    op.drop_column("sync_run", "unknown_fields")
