"""Filters too are read from their indexes alone, in whatever order but by title."""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0005"
down_revision = "catalog_0004"
branch_labels = None
depends_on = None

_ORDERS = ("popularity", "vote_average", "release_date", "title_key")
_FILTERS = ("vote_count", "runtime_minutes", "original_language")
_COMPARED = (
    "adult",
    "original_language",
    "popularity",
    "release_date",
    "runtime_minutes",
    "vote_average",
    "vote_count",
)


def upgrade() -> None:
    for column in (*_ORDERS, *_FILTERS):
        _renew(column, [column, "tmdb_id"], [name for name in _COMPARED if name != column])


def downgrade() -> None:
    for column in _ORDERS:
        compared = [name for name in _COMPARED if name not in (column, "popularity")]
        _renew(column, [column, "tmdb_id"], compared)
    for column in _FILTERS:
        _renew(column, [column], [])


def _renew(column: str, columns: list[str], included: list[str]) -> None:
    op.drop_index(f"movie_{column}_idx", table_name="movie")
    op.create_index(
        f"movie_{column}_idx",
        "movie",
        columns,
        postgresql_where=sa.text("removed_at is null"),
        postgresql_include=included,
    )
