"""Orders of browsing hold what filters compare; runs tell new fields; who speaks to TMDb."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "catalog_0004"
down_revision = "catalog_0003"
branch_labels = None
depends_on = None

_ORDERS = ("popularity", "vote_average", "release_date", "title_key")
_COMPARED = (
    "adult",
    "original_language",
    "release_date",
    "runtime_minutes",
    "vote_average",
    "vote_count",
)


def upgrade() -> None:
    for column in _ORDERS:
        _renew(column, [name for name in _COMPARED if name != column])
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
    for column in _ORDERS:
        _renew(column, [])


def _renew(column: str, included: list[str]) -> None:
    op.drop_index(f"movie_{column}_idx", table_name="movie")
    op.create_index(
        f"movie_{column}_idx",
        "movie",
        [column, "tmdb_id"],
        postgresql_where=sa.text("removed_at is null"),
        postgresql_include=included,
    )
