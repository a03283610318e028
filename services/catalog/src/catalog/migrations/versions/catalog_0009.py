"""Certifications and videos are no longer checked by foreign keys."""

from alembic import op

revision = "catalog_0009"
down_revision = "catalog_0008"
branch_labels = None
depends_on = None

_UNCHECKED = (
    ("certification", "movie_id", "movie"),
    ("video", "movie_id", "movie"),
)


def upgrade() -> None:
    for table, column, _ in _UNCHECKED:
        op.drop_constraint(f"{table}_{column}_fkey", table, type_="foreignkey")


def downgrade() -> None:
    for table, column, other in _UNCHECKED:
        op.create_foreign_key(f"{table}_{column}_fkey", table, other, [column], ["tmdb_id"])
