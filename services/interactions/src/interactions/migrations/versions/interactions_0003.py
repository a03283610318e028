"""Imports: their state, the uploaded chunks, the rows that could not be used."""

import sqlalchemy as sa
from alembic import op

revision = "interactions_0003"
down_revision = "interactions_0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_EMPTY = sa.text("''")
_COUNTS = ("total_rows_count", "rows_count", "imported_count", "unchanged_count", "skipped_count")


def upgrade() -> None:
    op.create_table(
        "import",
        sa.Column("import_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("source", sa.Text, nullable=False, server_default=_EMPTY),
        sa.Column("filename", sa.Text, nullable=False, server_default=_EMPTY),
        sa.Column("state", sa.Text, nullable=False),
        *[sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _COUNTS],
        sa.Column("error", sa.Text, nullable=False, server_default=_EMPTY),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("content_sha256", sa.LargeBinary, nullable=False, server_default=_EMPTY),
        sa.Column("finished_at", _MOMENT),
        *_timestamps(),
        sa.PrimaryKeyConstraint("import_id", name="import_pkey"),
        sa.CheckConstraint(
            "state in ('uploading', 'queued', 'running', 'done', 'failed')",
            name=op.f("import_state_check"),
        ),
    )
    op.create_index("import_user_id_created_at_idx", "import", ["user_id", "created_at"])
    op.create_index(
        "import_unfinished_idx",
        "import",
        ["updated_at"],
        postgresql_where=sa.text("state in ('uploading', 'queued', 'running')"),
    )
    _create_part(
        "import_chunk",
        sa.Column("chunk_number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    _create_part(
        "import_row_error",
        sa.Column("place", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("import_row_error", "import_chunk", "import"):
        op.drop_table(table)


def _create_part(name: str, *columns: sa.Column[object]) -> None:
    """A table of an import's parts; its first column and the import are its key."""
    op.create_table(
        name,
        sa.Column("import_id", sa.Uuid, nullable=False),
        *columns,
        *_timestamps(),
        sa.PrimaryKeyConstraint("import_id", columns[0].name, name=f"{name}_pkey"),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["import.import_id"],
            name=f"{name}_import_id_fkey",
            ondelete="CASCADE",
        ),
    )


def _timestamps() -> list[sa.Column[object]]:
    return [
        sa.Column(name, _MOMENT, nullable=False, server_default=sa.func.now())
        for name in ("created_at", "updated_at")
    ]
