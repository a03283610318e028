"""Filters that keep little of an order's beginning have that order in steps of their own."""

import sqlalchemy as sa
from alembic import op

from chassis.migrations import drop_index, renew_index

revision = "catalog_0006"
down_revision = "catalog_0005"
branch_labels = None
depends_on = None

_COMPARED = (
    "adult",
    "original_language",
    "popularity",
    "release_date",
    "runtime_minutes",
    "vote_average",
    "vote_count",
)
_STEPPED = (
    (
        "movie_runtime_step_popularity_idx",
        "least((runtime_minutes + 14) / 15, 20)",
        "popularity",
    ),
    (
        "movie_date_step_popularity_idx",
        "least(greatest((release_date - '1900-01-01'::date) / 3653, 0), 20)",
        "popularity",
    ),
    (
        "movie_rating_step_release_date_idx",
        "least(floor(vote_average * 2)::integer, 19)",
        "release_date",
    ),
)


def upgrade() -> None:
    for name, step, column in _STEPPED:
        _renew(name, [sa.text(f"({step})"), column, "tmdb_id"], but=column)


def downgrade() -> None:
    for name, _, _ in _STEPPED:
        drop_index(op.get_context(), name, "movie")


def _renew(name: str, columns: list[str | sa.TextClause], *, but: str) -> None:
    renew_index(
        op.get_context(),
        name,
        "movie",
        columns,
        postgresql_where=sa.text("removed_at is null"),
        postgresql_include=[one for one in _COMPARED if one != but],
    )
