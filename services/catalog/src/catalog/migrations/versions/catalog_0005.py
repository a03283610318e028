"""Orders and filters of browsing are read from their indexes alone."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import renew_index

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
        _renew(column, [column, "tmdb_id"], [])
    for column in _FILTERS:
        _renew(column, [column], [])


def _renew(column: str, columns: list[str], included: list[str]) -> None:
    renew_index(
        op.get_context(),
        f"movie_{column}_idx",
        "movie",
        columns,
        postgresql_where=sa.text("removed_at is null"),
        postgresql_include=included,
    )
