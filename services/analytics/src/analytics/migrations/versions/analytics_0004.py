"""Sums tell by the day when they were written: an exact time leads to an event, and to a person."""

import sqlalchemy as sa
from alembic import op

revision = "analytics_0004"
down_revision = "analytics_0003"
branch_labels = None
depends_on = None

_ROLLUPS = (
    "activity_rollup",
    "activity_actor",
    "recommendation_rollup",
    "recommendation_movie",
    "api_usage_rollup",
)
_WRITTEN = ("created_at", "updated_at")


def upgrade() -> None:
    for table in _ROLLUPS:
        _default(table, "date_trunc('day', now(), 'UTC')")
        columns = [sa.column(name) for name in _WRITTEN]
        days = {column: sa.func.date_trunc("day", column, "UTC") for column in columns}
        op.execute(sa.update(sa.table(table, *columns)).values(days))


def downgrade() -> None:
    for table in _ROLLUPS:
        _default(table, "now()")


def _default(table: str, value: str) -> None:
    for name in _WRITTEN:
        op.alter_column(table, name, server_default=sa.text(value))
